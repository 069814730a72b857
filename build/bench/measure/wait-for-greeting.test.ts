import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { waitForGreeting } from './wait-for-greeting.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
});

/** A server whose connections do what `answers` say, one after the other; the last goes on. */
async function listen(...answers: ((socket: Socket) => void)[]): Promise<number> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    (answers.length > 1 ? answers.shift() : answers[0])?.(socket);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const signal = new AbortController().signal;

test('a connection that is cut, and one that stays silent, are not the server; the next is', async () => {
  const port = await listen(
    (socket) => socket.destroy(),
    () => undefined,
    (socket) => socket.write('SSH-2.0-OpenSSH_10.0\r\n'),
  );
  await waitForGreeting(port, { deadlineMs: 20_000, signal });
});

test('who never greets is given up', async () => {
  const port = await listen(() => undefined);
  await expect(waitForGreeting(port, { deadlineMs: 500, signal })).rejects.toThrow(
    'no SSH server greeted within 0.5 s',
  );
});

test('an interruption ends it', async () => {
  const port = await listen(() => undefined);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('stopped')), 100);
  await expect(waitForGreeting(port, { deadlineMs: 60_000, signal: stop.signal })).rejects.toThrow('stopped');
});
