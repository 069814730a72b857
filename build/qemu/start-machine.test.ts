import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { machineFilesIn } from './machine-files.ts';
import { readForwards, startMachine } from './start-machine.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A tools tree whose QEMU is a line of shell. */
function workshopWithQemu(script: string): Workshop {
  const tools = {
    commandLine: (command: { arguments: readonly string[] }) => ({
      file: '/bin/sh',
      arguments: ['-c', script, 'qemu', ...command.arguments],
      environment: {},
    }),
  } as unknown as ToolsTree;
  return {
    host: createBuildHost({ signal: new AbortController().signal }),
    emit: () => {},
    openTools: async () => tools,
  } as unknown as Workshop;
}

describe('starting a machine', () => {
  test('a QEMU that cannot start says why', async () => {
    const workshop = workshopWithQemu('echo "no such disk" >&2; exit 1');
    await expect(startMachine(workshop, { files: machineFilesIn(folder, 'x86-64') })).rejects.toMatchObject({
      code: 'MACHINE_UNSTARTABLE',
      class: 'environment',
      message: 'Cannot start the machine: no such disk',
      hint: 'run `keelson doctor`: it says what of this computer does not suit',
    });
  });

  test('a QEMU that ends in silence is told by its exit code, and leaves nothing behind', async () => {
    const socketFile = join(folder, 'socket-path');
    const workshop = workshopWithQemu(
      `for w; do case $w in socket,*) echo "\${w#*path=}" > ${socketFile};; esac; done; exit 3`,
    );
    await expect(startMachine(workshop, { files: machineFilesIn(folder, 'x86-64') })).rejects.toThrow(
      'Cannot start the machine: it ended with code 3',
    );
    const socketPath = (await readFile(socketFile, 'utf8')).trim();
    expect(socketPath).toMatch(/\/control$/);
    await expect(access(dirname(socketPath))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('the forwarded ports are read from what QEMU shows', () => {
  const table = [
    'Hub -1 (net):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[HOST_FORWARD]  14       127.0.0.1 34567       10.0.2.15    80     0     0',
    '  TCP[HOST_FORWARD]  13       127.0.0.1 40521       10.0.2.15    22     0     0',
  ].join('\r\n');
  expect([...readForwards(table)]).toEqual([
    [80, 34567],
    [22, 40521],
  ]);
});
