import { expect, test } from '@jest/globals';
import { type PartitionTable, partitionNumber, planPartition } from './plan-partition.ts';

const mebibyte = 1024 * 1024;

/** Partitions one after the other from 1 MiB; `name=size in MiB`. */
function table(description: string, sectorsize = 512): PartitionTable {
  let start = mebibyte / sectorsize;
  const partitions = description
    .split(' ')
    .filter((part) => part !== '')
    .map((part, index) => {
      const [name = '', size] = part.split('=');
      const partition = {
        node: `/dev/vda${index + 1}`,
        start,
        size: (Number(size) * mebibyte) / sectorsize,
        name,
      };
      start += partition.size;
      return partition;
    });
  return { partitiontable: { label: 'gpt', sectorsize, partitions } };
}

test.each([
  ['full disk', 'root-a=100 state=64', 165.1, { kind: 'keep', node: '/dev/vda2' }],
  ['less than 1 MiB to gain', 'root-a=100 state=64', 166, { kind: 'keep', node: '/dev/vda2' }],
  [
    'disk grown',
    'root-a=100 state=64',
    1024,
    { kind: 'grow', node: '/dev/vda2', number: 2, sizeSectors: 922 * 2048 },
  ],
  ['disk shrunk', 'root-a=100 state=64', 120, { kind: 'keep', node: '/dev/vda2' }],
  ['something behind it', 'state=64 other=8', 1024, { kind: 'keep', node: '/dev/vda1' }],
  [
    'none, with room',
    'root-a=100',
    200,
    { kind: 'add', startSector: 101 * 2048, sizeSectors: 98 * 2048, sectorBytes: 512 },
  ],
  [
    'none, without room',
    'root-a=100',
    110,
    { kind: 'none', reason: 'no partition is labelled state, and the disk has no room for one' },
  ],
])('%s', (_name, description, diskMebibytes, expected) => {
  expect(planPartition(table(description), diskMebibytes * mebibyte, 'state')).toEqual(expected);
});

test('sectors of 4 KiB', () => {
  expect(planPartition(table('root-a=100 state=64', 4096), 1024 * mebibyte, 'state')).toEqual({
    kind: 'grow',
    node: '/dev/vda2',
    number: 2,
    sizeSectors: 922 * 256,
  });
});

test('a disk without GPT is left alone', () => {
  const dos = { partitiontable: { label: 'dos', sectorsize: 512 } };
  expect(planPartition(dos, mebibyte, 'state')).toEqual({ kind: 'none', reason: 'the disk has no GPT' });
});

test.each([
  ['/dev/vda4', 4],
  ['/dev/nvme0n1p12', 12],
])('%s is number %d', (node, number) => {
  expect(partitionNumber(node)).toBe(number);
});
