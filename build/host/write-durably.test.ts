import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeDurably } from './write-durably.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-durably-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('an old file is replaced, and nothing else is left', async () => {
  const path = join(folder, 'record.json');
  await writeFile(path, 'old');
  await writeDurably(path, { content: 'new' });
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['record.json']);
});

test('a source that breaks leaves the old file', async () => {
  const path = join(folder, 'bundle');
  await writeFile(path, 'old');
  const broken = createReadStream(join(folder, 'missing'));
  await expect(writeDurably(path, { content: broken, mode: 0o644 })).rejects.toMatchObject({
    code: 'ENOENT',
  });
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['bundle']);
});
