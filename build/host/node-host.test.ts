import { describe, expect, test } from '@jest/globals';
import { createBuildHost } from './node-host.ts';

const host = createBuildHost({ mirror: 'http://mirror.example' });
const shell = (script: string, ...rest: string[]) => ({
  file: '/bin/sh',
  arguments: ['-c', script, ...rest],
});

describe('processes', () => {
  test('give their exit code and output, to the byte', async () => {
    expect(await host.run(shell('echo out; echo err >&2; exit 3'))).toEqual({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('inherit nothing of the environment', async () => {
    const { stdout } = await host.run({ ...shell('echo "$HOME$USER-$A"'), environment: { A: '1' } });
    expect(stdout).toBe('-1\n');
  });

  test.each([['text'], [Buffer.from('text')]])('read what they are given', async (input) => {
    expect((await host.run(shell('cat'), { input })).stdout).toBe('text');
  });

  test('read nothing when nothing is given', async () => {
    expect((await host.run(shell('cat; echo end'))).stdout).toBe('end\n');
  });

  test('tell each line as it comes', async () => {
    const lines: string[] = [];
    await host.run(shell('echo one; echo two >&2'), { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(['one', 'two']);
  });

  test('killed by a signal, have the exit code that shells give', async () => {
    expect((await host.run(shell('kill -9 $$'))).exitCode).toBe(137);
  });

  test('that cannot start are told apart', async () => {
    await expect(host.run({ file: '/nowhere/tool', arguments: [] })).rejects.toMatchObject({
      code: 'COMMAND_UNSTARTABLE',
      message: 'Cannot run /nowhere/tool: spawn /nowhere/tool ENOENT',
    });
  });

  test('die when the build is interrupted', async () => {
    const interruption = new AbortController();
    const interrupted = createBuildHost({ signal: interruption.signal });
    const running = interrupted.run(shell('exec sleep 60'));
    setTimeout(() => interruption.abort(new Error('interrupted by the user')), 50);
    await expect(running).rejects.toThrow('interrupted by the user');
    await expect(interrupted.run(shell('true'))).rejects.toThrow('interrupted by the user');
  });
});

test('a wait ends with the build', async () => {
  const interruption = new AbortController();
  const waiting = createBuildHost({ signal: interruption.signal }).wait(60_000);
  interruption.abort(new Error('interrupted by the user'));
  await expect(waiting).rejects.toThrow('interrupted by the user');
});

test('the mirror of the command line stands for that of the environment', () => {
  expect(host.environmentVariable('KEELSON_MIRROR')).toBe('http://mirror.example');
});
