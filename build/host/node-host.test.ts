import { type AddressInfo, createServer } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
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

describe('downloads', () => {
  const close: (() => void)[] = [];
  afterAll(() => {
    for (const each of close) each();
  });

  /** Answers every connection with `answer` and closes it. */
  async function serve(answer: (path: string) => string | Buffer): Promise<string> {
    const server = createServer((socket) => {
      socket.once('data', (request) => socket.end(answer(String(request).split(' ')[1] ?? '')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close.push(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function read(url: string): Promise<{ status: number; text: string }> {
    const { status, body } = await host.download(url);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) {
      chunks.push(chunk);
      await host.wait(1);
    }
    return { status, text: Buffer.concat(chunks).toString() };
  }

  test('follow redirects, but not for ever', async () => {
    const url = await serve((path) =>
      path === '/end'
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
        : `HTTP/1.1 302 Found\r\nLocation: ${path === '/once' ? '/end' : path}\r\n\r\n`,
    );
    expect(await read(`${url}/once`)).toEqual({ status: 200, text: 'hi' });
    await expect(read(`${url}/circle`)).rejects.toThrow('it redirects more than 5 times');
  });

  test('cut off while the reader is slow, are an error and not the end of the process', async () => {
    const url = await serve(() =>
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n'),
        Buffer.alloc(1_000_000),
      ]),
    );
    await expect(read(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
