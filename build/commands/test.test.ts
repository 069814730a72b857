import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';

const cli = join(import.meta.dirname, '../cli.ts');

function keelson(...commandArguments: string[]) {
  return createBuildHost().run({
    file: process.execPath,
    arguments: ['--disable-warning=ExperimentalWarning', cli, ...commandArguments],
    environment: {},
  });
}

test('it has examples', async () => {
  expect((await keelson('test', '--help')).stdout).toContain('Examples:\n  keelson test minimal');
});

test('a machine that nobody can look at is not tested', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-mute-'));
  const mute = {
    name: 'mute',
    version: '2026.11.0',
    description: '-',
    extends: 'minimal',
    services: [{ name: 'sshd', disabled: true }],
  };
  await writeFile(join(folder, 'recipe.yaml'), JSON.stringify(mute));
  const { exitCode, stderr } = await keelson('test', folder);
  await rm(folder, { recursive: true });
  expect(exitCode).toBe(3);
  expect(stderr).toContain('Cannot test mute: none of its services listens on port 22');
  expect(stderr).toContain('[TEST_UNREACHABLE]\nhint: Test a recipe that extends this one');
});
