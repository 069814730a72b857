import { describe, expect, test } from '@jest/globals';
import {
  isSameTable,
  listPartitions,
  movePartition,
  type PartitionTable,
} from '../../../../build/contract/partition-table.ts';
import { makeFakeDevice } from '../../testing/fake-device.ts';
import { type FakeDisk, fakeDd, makeFakeDisk, PowerCut } from '../../testing/fake-disk.ts';
import { partitionNode, readDiskTable } from './disk-table.ts';
import { freeExtents } from './free-extents.ts';
import { repairTable, writeTable } from './write-table.ts';

const layout = 'esp=4 root-a=8 root-b=8 state=8';

function machineWith(disk: FakeDisk) {
  const { sectors, sectorBytes } = disk.geometry;
  const device: ReturnType<typeof makeFakeDevice> = makeFakeDevice({
    files: {
      '/sys/class/block/vda/size': `${(sectors * sectorBytes) / 512}\n`,
      '/sys/class/block/vda/queue/logical_block_size': `${sectorBytes}\n`,
    },
    devices: { '/dev/vda': disk },
    commands: [fakeDd({ '/dev/vda': disk }, () => device)],
  });
  const read = () => {
    const found = readDiskTable(device, 'vda');
    if (found === undefined) throw new Error('the disk has no table');
    return found;
  };
  return { device, read };
}

/** Slot b to the end of the disk, which has 64 MiB. */
const move = (table: PartitionTable, sectorBytes: number) =>
  movePartition(table, 3, (40 * 1024 ** 2) / sectorBytes, (16 * 1024 ** 2) / sectorBytes);

describe.each([512, 4096])('on sectors of %d bytes', (sectorBytes) => {
  test('a change is in both copies, and nothing else has changed', () => {
    const disk = makeFakeDisk(64, layout, sectorBytes);
    const { device, read } = machineWith(disk);
    const found = read();
    expect(found).toMatchObject({ source: 'primary', isWhole: true });
    const said: string[] = [];
    writeTable(device, found, move(found.table, sectorBytes), 3, (line) => said.push(line));
    expect(read().isWhole).toBe(true);
    expect(listPartitions(read().table).map(({ label, startSector }) => [label, startSector])).toEqual(
      [
        ['esp', 1],
        ['root-a', 5],
        ['root-b', 40],
        ['state', 21],
      ].map(([label, at]) => [label, (Number(at) * 1024 ** 2) / sectorBytes]),
    );
    expect(said).toEqual([
      'the backup of the partition table of vda is written',
      'the partition table of vda is written',
    ]);
    const dd = device.commandsRun.filter((line) => line.includes(' dd '));
    expect(dd.map((line) => line.replace(/^.*?(conv|iflag)=/, '$1='))).toEqual([
      'conv=notrunc,fsync',
      'iflag=direct',
      'conv=notrunc,fsync',
      'iflag=direct',
    ]);
  });

  test.each<[string, number]>([
    ['of the same size', 64],
    ['that has grown', 96],
  ])('on a disk %s the power may go at any sector, in any order between two flushes', (_name, mebibytes) => {
    const grown = (64 * 1024 ** 2) / sectorBytes;
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const disk = makeFakeDisk(64, layout, sectorBytes).resized(mebibytes);
      const { device, read } = machineWith(disk);
      const before = read();
      const after = move(before.table, sectorBytes);
      // Of the flush that is cut off some sectors reach the disk, and nothing of what comes later.
      let isCut = false;
      const share = random();
      const isLate = random() < 0.5;
      disk.onWrite = (sector) => {
        if (isLate && sector > grown / 2) return true;
        isCut = true;
        return random() < share;
      };
      const cutAfterWrite = cutting(device, () => isCut);
      expect(() => writeTable(cutAfterWrite, before, after, 3)).toThrow(PowerCut);
      disk.onWrite = () => true;

      const found = read();
      expect(isSameTable(found.table, before.table) || isSameTable(found.table, after)).toBe(true);
      repairTable(device, found);
      expect(read().isWhole || read().table.alternateSector < grown).toBe(true);
      expect(isSameTable(read().table, found.table)).toBe(true);
      // And what was begun can be done now.
      writeTable(device, read(), after, 3);
      expect(read()).toMatchObject({ isWhole: true, source: 'primary' });
      expect(isSameTable(read().table, after)).toBe(true);
      expect(read().table.alternateSector).toBe(disk.geometry.sectors - 1);
    }
  });
});

test('a table that is whole is not written again', () => {
  const { device, read } = machineWith(makeFakeDisk(64, layout));
  repairTable(device, read());
  expect(device.commandsRun).toEqual([]);
});

test.each<[string, string, number | undefined]>([
  ['another partition changes', 'partition 2 would change, which is none of this change', 3],
  ['none may change', 'partition 2 would change, which is none of this change', undefined],
  ['two would overlap', 'partition root-b would overlap another', 2],
])('nothing is written when %s', (_name, message, mayChange) => {
  const { device, read } = machineWith(makeFakeDisk(64, layout));
  const found = read();
  const wrong = movePartition(found.table, 2, 5 * 2048, 9 * 2048);
  expect(() => writeTable(device, found, wrong, mayChange)).toThrow(message);
  expect(device.commandsRun).toEqual([]);
});

test('nothing is written when a partition would lie outside of the disk', () => {
  const { device, read } = machineWith(makeFakeDisk(64, layout));
  const found = read();
  expect(() => writeTable(device, found, movePartition(found.table, 3, 40 * 2048, 24 * 2048), 3)).toThrow(
    'the partitions do not fit the disk',
  );
  expect(device.commandsRun).toEqual([]);
});

test('a disk that does not keep what is written is noticed before the other copy', () => {
  const disk = makeFakeDisk(64, layout);
  const { device, read } = machineWith(disk);
  const found = read();
  disk.onWrite = (sector) => sector !== disk.geometry.sectors - 1;
  expect(() => writeTable(device, found, move(found.table, 512), 3)).toThrow(
    'the partition table of /dev/vda does not read back as it was written',
  );
  expect(isSameTable(read().table, found.table)).toBe(true);
});

test('what is free, in whole MiB', () => {
  const { read } = machineWith(makeFakeDisk(64, 'esp=4 root-a=8@10 state=8@30'));
  const { table, geometry } = read();
  const mebibytes = (without?: number) =>
    freeExtents(table, geometry, without).map(
      ({ startSector, sizeSectors }) => `${sizeSectors / 2048}@${startSector / 2048}`,
    );
  expect(mebibytes()).toEqual(['5@5', '12@18', '25@38']);
  expect(mebibytes(2)).toEqual(['25@5', '25@38']);
});

test.each([
  ['vda', '/dev/vda4'],
  ['nvme0n1', '/dev/nvme0n1p4'],
])('partition 4 of %s is %s', (disk, node) => {
  expect(partitionNode(disk, 4)).toBe(node);
});

/** dd ends, and then the power is gone. */
function cutting(device: ReturnType<typeof makeFakeDevice>, isCut: () => boolean) {
  return {
    ...device,
    run: (command: readonly string[]) => {
      const outcome = device.run(command);
      if (isCut()) throw new PowerCut();
      return outcome;
    },
  };
}

function randomFrom(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return (((state ^ (state >>> 13)) >>> 0) % 100000) / 100000;
  };
}
