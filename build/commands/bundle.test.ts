import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';

const cli = join(import.meta.dirname, '../cli.ts');

function keelson(...commandArguments: string[]) {
  return createBuildHost().run({
    file: process.execPath,
    arguments: ['--disable-warning=ExperimentalWarning', cli, ...commandArguments],
    environment: {},
  });
}

describe('update bundles', () => {
  test.each([
    [['--version', '2026.13.0'], 'VERSION_INVALID', 'Cannot use "2026.13.0" as a version'],
    [['--channel', '../x'], 'CHANNEL_INVALID', 'Cannot use "../x" as the name of a channel'],
  ])('%p: %s', async (options, code, message) => {
    const { exitCode, stderr } = await keelson('bundle', 'minimal', ...options);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${message}  [${code}]\nhint: `);
  });

  test('a bundle is verified against a keyring', async () => {
    const { exitCode, stderr } = await keelson('verify', 'some.raucb');
    expect(exitCode).toBe(2);
    expect(stderr).toContain("required option '--keyring <file>' not specified");
  });

  test("--version alone is Keelson's own", async () => {
    expect((await keelson('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(['bundle', 'verify'])('%s has examples', async (verb) => {
    expect((await keelson(verb, '--help')).stdout).toContain(`Examples:\n  keelson ${verb}`);
  });
});
