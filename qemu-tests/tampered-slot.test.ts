import { readFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { copyPartition, fillPartition, flipByte } from './support/edit-disk.ts';
import { partitionOf, readBytes } from './support/partitions.ts';
import { promise, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf } from './support/test-workshop.ts';

promise('a slot that was changed is refused, not run', () => {
  let machine: TestMachine;

  step('minimal is built', async () => {
    machine = await makeTestMachine({ test: 'tampered-slot' });
  });

  step('one byte of slot a is flipped in the disk, and slot b is empty', async () => {
    const diskPath = artefactOf(machine.build, 'disk', 'raw').path;
    const { offsetBytes } = await partitionOf(diskPath, 'root-b');
    expect(await readBytes(diskPath, offsetBytes, 4096)).toEqual(Buffer.alloc(4096));
    // The erofs superblock begins here.
    await flipByte(machine, 'root-a', 1024);
  });

  step('the machine says why it does not start, and its init never runs', async () => {
    await machine.powerOn();
    const log = await machine.waitForSerial(/cannot start: no slot holds the root file system/);
    expect(log).not.toMatch(/finit|keelson login/i);
    await machine.cutPower();
  });

  step('with an intact copy in slot b it starts from there and tells that slot a was refused', async () => {
    await copyPartition(machine, 'root-a', 'root-b');
    await machine.boot();
    const boot = JSON.parse(await machine.guest.run('cat /run/keelson/boot.json'));
    expect(boot).toMatchObject({ slot: 'b', askedSlot: 'a', rootHash: machine.build.rootHash });
    expect(boot.refused).toHaveLength(1);
    expect(await machine.guest.run('dmesg')).toMatch(/slot a \(\w+\) is refused/);
    await machine.cutPower();
  });

  step('a byte of the hash tree that was flipped is refused as well', async () => {
    await fillPartition(machine, 'root-b', 0);
    await copyPartition(machine, 'root-a', 'root-a');
    const root = artefactOf(machine.build, 'root');
    // The hash tree ends the root artefact; its root, which everything hangs on, is its first block after the superblock.
    const dataBytes = await hashTreeOffset(root.path);
    await flipByte(machine, 'root-a', dataBytes + 4096 + 7);
    await machine.powerOn();
    await machine.waitForSerial(/cannot start: no slot holds the root file system/);
    await machine.cutPower();
  });
});

/** dm-verity's superblock begins with `verity`, on a block's boundary. */
async function hashTreeOffset(path: string): Promise<number> {
  const bytes = await readFile(path);
  for (let offset = 0; offset < bytes.length; offset += 4096) {
    if (bytes.toString('latin1', offset, offset + 6) === 'verity') return offset;
  }
  throw new Error(`${path} has no hash tree`);
}
