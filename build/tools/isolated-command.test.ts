import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import { isolatedCommand, isolateScript } from './isolated-command.ts';
import type { ToolCommand } from './tools-tree.ts';

const place = { folder: '/store/tree', rootFolder: '/store/root' };
const command: ToolCommand = { file: '/usr/bin/tool', arguments: ['a b', '$(x)'] };

/** The command line in readable parts; the loader's own words are left out. */
function parts(isRoot: boolean, tool: ToolCommand) {
  const line = isolatedCommand({ isRoot }, place, tool);
  const words = [line.file, ...line.arguments];
  const unshare = words.indexOf('/store/tree/usr/bin/unshare');
  const script = words.indexOf(isolateScript);
  return {
    namespaces: words.slice(unshare + 1, words.indexOf('--', unshare)),
    script: words.slice(script + 3),
    environment: line.environment,
    loader: line.file,
  };
}

describe('the command line of a tool', () => {
  test('an ordinary user gets a user namespace', () => {
    expect(parts(false, command).namespaces).toEqual(['--user', '--map-root-user', '--mount', '--net']);
    expect(parts(true, command).namespaces).toEqual(['--mount', '--net']);
  });

  test('only with its own word a tool has a network', () => {
    const { namespaces } = parts(true, { ...command, hasNetwork: true });
    expect(namespaces).toEqual(['--mount']);
  });

  test('arguments go through as they are', () => {
    expect(parts(true, command).script).toEqual([
      '/store/tree',
      '/store/root',
      '/tmp',
      '--',
      '/usr/bin/tool',
      'a b',
      '$(x)',
    ]);
  });

  test('folders are bound outer before inner', () => {
    const folders = { readOnly: ['/b/inner', '/c'], writable: ['/b'], workingFolder: '/b' };
    expect(parts(true, { ...command, ...folders }).script.slice(2, -4)).toEqual([
      '/b',
      'rw',
      '/b',
      'ro',
      '/b/inner',
      'ro',
      '/c',
    ]);
  });

  test('the environment is fixed, and the tree brings its own loader', () => {
    const { environment, loader } = parts(true, { ...command, environment: { EXTRA: '1' } });
    expect(environment).toMatchObject({ LC_ALL: 'C.UTF-8', TZ: 'UTC', HOME: '/nonexistent', EXTRA: '1' });
    expect(loader).toMatch(/^\/store\/tree\/usr\/lib\/.*\/ld-linux/);
  });
});

test('a file that may be read in a folder that may be written stays what it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-isolated-'));
  try {
    const file = join(folder, 'key.pub');
    await writeFile(file, 'key');
    const tools = await (await openRealWorkshop()).openTools('image');
    const cat = { file: '/usr/bin/cat', arguments: [file], readOnly: [file], writable: [folder] };
    expect((await tools.run(cat)).stdout).toBe('key');
    expect(await readFile(file, 'utf8')).toBe('key');
  } finally {
    await rm(folder, { recursive: true });
  }
});
