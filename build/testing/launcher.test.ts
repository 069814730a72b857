import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const launcher = join(import.meta.dirname, '../../keelson');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'launcher-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function start(variables: (folder: string) => Readonly<Record<string, string>>): Promise<string> {
  const env = { PATH: process.env.PATH, ...variables(folder) };
  return (await promisify(execFile)(launcher, ['--help'], { cwd: folder, env })).stdout;
}

test.each<[string, (folder: string) => Readonly<Record<string, string>>]>([
  ['cache/keelson/compiled', (home) => ({ HOME: '/nonexistent', XDG_CACHE_HOME: join(home, 'cache') })],
  ['.cache/keelson/compiled', (home) => ({ HOME: home })],
  ['.cache/keelson/compiled', (home) => ({ HOME: home, XDG_CACHE_HOME: 'not/absolute' })],
  ['own', (home) => ({ HOME: home, NODE_COMPILE_CACHE: join(home, 'own') })],
])('what Node compiled is kept in %s', async (path, variables) => {
  expect(await start(variables)).toContain('Usage: keelson');
  expect(await readdir(join(folder, path))).not.toEqual([]);
});

test('it starts without a home', async () => {
  expect(await start(() => ({}))).toContain('Usage: keelson');
  expect(await readdir(folder)).toEqual([]);
});
