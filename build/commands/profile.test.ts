import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';
import { withProfile } from './profile.ts';
import type { CommandContext } from './session.ts';

const cli = join(import.meta.dirname, '../cli.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'profile-command-'));
  await mkdir(join(folder, 'taken'));
  await writeFile(join(folder, 'file'), 'mine');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const told: string[] = [];
const makeContext = (): CommandContext => ({
  host: createBuildHost(),
  repositoryFolder: folder,
  workingFolder: folder,
  isJson: false,
  hasTerminal: false,
  writeOut: () => {},
  writeError: (line) => told.push(line),
});

const titles = async (name: string) =>
  JSON.parse(await readFile(join(folder, name), 'utf8')).traceEvents.map(
    (event: { name: string }) => event.name,
  );

describe('--profile', () => {
  test.each([
    ['no/such/file.json', 'its folder is not there'],
    ['file/x.json', 'a part of its path is a file'],
    ['taken', 'it is no regular file'],
    ['/dev/null', 'it is no regular file'],
  ])('%s is refused before the work', async (name, reason) => {
    let hasWorked = false;
    const work = async (): Promise<void> => {
      hasWorked = true;
    };
    await expect(withProfile(makeContext(), 'build demo', { profile: name }, work)).rejects.toMatchObject({
      code: 'PROFILE_NOT_WRITABLE',
      message: `Cannot write the profile to ${name.startsWith('/') ? name : join(folder, name)}: ${reason}`,
      hint: 'Name a file in a folder that is there and yours, such as --profile build.trace.json.',
    });
    expect(hasWorked).toBe(false);
  });

  test.each(['run', 'build', 'bundle'])('keelson %s has it', async (verb) => {
    const { exitCode, stderr } = await createBuildHost().run({
      file: process.execPath,
      arguments: ['--disable-warning=ExperimentalWarning', cli, verb, 'minimal', '--profile', 'no/such/file'],
      environment: {},
      workingFolder: folder,
    });
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`Cannot write the profile to ${folder}/no/such/file: its folder is not there`);
  });

  test('the trace is written at the end, in place of an older one, and its place is told', async () => {
    await writeFile(join(folder, 'good.json'), 'older and longer '.repeat(1000));
    const result = await withProfile(makeContext(), 'build demo', { profile: 'good.json' }, async () => 42);
    expect(result).toBe(42);
    expect(await titles('good.json')).toContain('build demo');
    expect(told.at(-1)).toBe(`profile: ${folder}/good.json (a viewer of traces, such as Perfetto, opens it)`);
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('work that fails, or was interrupted, has its trace too, and its own error', async () => {
    const failing = withProfile(makeContext(), 'build demo', { profile: 'bad.json' }, () =>
      Promise.reject(new Error('interrupted')),
    );
    await expect(failing).rejects.toThrow('interrupted');
    expect(await titles('bad.json')).toContain('build demo');
  });

  test('without it nothing is noted', async () => {
    const observed = await withProfile(makeContext(), 'build demo', {}, async ({ observe }) => observe);
    expect(observed).toBeUndefined();
  });
});
