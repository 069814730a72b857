import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenForQmp, type QmpClient } from './qmp-client.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Plays QEMU: greets, then answers each command with what `answer` says, an event before each answer. */
async function connectedTo(
  name: string,
  answer: (command: string) => object | 'hang up',
): Promise<{ client: QmpClient; heard: string[] }> {
  const path = join(folder, name);
  const listener = await listenForQmp(path);
  const heard: string[] = [];
  const socket = connect(path);
  socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
  createInterface({ input: socket }).on('line', (line) => {
    const { execute, id } = JSON.parse(line) as { execute: string; id: number };
    heard.push(execute);
    const reply = execute === 'qmp_capabilities' ? { return: {} } : answer(execute);
    if (reply === 'hang up') socket.destroy();
    else socket.write(`{"event": "RESUME"}\r\n${JSON.stringify({ ...reply, id })}\r\n`);
  });
  return { client: await listener.connected, heard };
}

test('negotiates, then pairs answers with commands', async () => {
  const { client, heard } = await connectedTo('a', (command) => ({ return: `did ${command}` }));
  const answers = await Promise.all([client.execute('stop'), client.execute('cont')]);
  expect(answers).toEqual(['did stop', 'did cont']);
  expect(heard).toEqual(['qmp_capabilities', 'stop', 'cont']);
  client.close();
});

test("QEMU's refusal is the error", async () => {
  const { client } = await connectedTo('b', () => ({ error: { class: 'GenericError', desc: 'not now' } }));
  await expect(client.execute('cont')).rejects.toThrow('not now');
  client.close();
});

test('a machine that goes away leaves nobody waiting', async () => {
  const { client } = await connectedTo('c', () => 'hang up');
  await expect(client.execute('cont')).rejects.toThrow('the machine is gone');
  await expect(client.execute('cont')).rejects.toThrow('the machine is gone');
});
