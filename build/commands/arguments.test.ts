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

describe('arguments', () => {
  test.each([
    [['frob'], "unknown command 'frob'"],
    [['build'], "missing required argument 'recipe'"],
    [['build', '--frob', 'minimal'], "unknown option '--frob'"],
    [['store', 'collect', '--days', '0'], 'It must be a whole number above 0.'],
  ])('%p: told in words, and with --json as a line too', async (given, message) => {
    const inWords = await keelson(...given);
    expect(inWords).toMatchObject({ exitCode: 2, stdout: '' });
    expect(inWords.stderr).toContain(message);

    const { exitCode, stdout } = await keelson(...given, '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'failed',
      code: 'ARGUMENTS_INVALID',
      message: expect.stringContaining(message),
      hint: 'Run `keelson --help`.',
    });
  });

  test.each(['run', 'build', 'lock', 'check', 'show', 'store', 'doctor'])('%s has examples', async (verb) => {
    const { exitCode, stdout } = await keelson(verb, '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Examples:\n  keelson ${verb}`);
  });

  test('a page is one of sizes', async () => {
    const { exitCode, stdout } = await keelson('show', 'minimal', '--html', 'page.html', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'ARGUMENTS_INVALID',
      message: 'Cannot write --html without --size: the page is a map of sizes',
      hint: 'Add --size.',
    });
  });

  test('a machine on the terminal has no JSON', async () => {
    const { exitCode, stdout } = await keelson('run', 'minimal', '--json');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'JSON_UNSUPPORTED',
      message: 'Cannot run a machine with --json: standard output is its console',
      hint: 'Leave out --json, or build with `keelson build RECIPE --json` and boot the disk yourself.',
    });
  });
});
