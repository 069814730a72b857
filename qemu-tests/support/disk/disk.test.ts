import { describe, expect, test } from '@jest/globals';
import { crashStates } from './crash-states.ts';
import type { DiskMap } from './disk-map.ts';
import { randomFrom } from './random.ts';
import { readFat32 } from './read-fat32.ts';
import { readGpt } from './read-gpt.ts';
import {
  clusterOffset,
  emptyDisk,
  entry,
  makeFat,
  makeGpt,
  setChain,
  setFatEntries,
} from './testing-disk.ts';
import type { LogEntry, LoggedWrite } from './write-log.ts';

const end = 0x0fffffff;

describe('a GPT is read by the specification', () => {
  const sizeBytes = 4 * 1024 * 1024;
  const last = sizeBytes - 512;

  test('both copies whole', () => {
    const gpt = readGpt(makeGpt(sizeBytes));
    expect(gpt.agrees).toBe(true);
    expect(gpt.used?.partitions).toMatchObject([
      { name: 'esp', offsetBytes: 2048 * 512, sizeBytes: 2048 * 512 },
    ]);
  });

  test.each([
    ['a torn primary header', 512, 'backup'],
    ['torn primary entries', 1024, 'backup'],
    ['a torn backup header', last, 'primary'],
    ['torn backup entries', last - 32 * 512, 'primary'],
  ])('%s leaves the other copy', (_, offset, left) => {
    const disk = makeGpt(sizeBytes);
    disk.write(offset, Buffer.alloc(512, 3));
    const gpt = readGpt(disk);
    expect(gpt.agrees).toBe(false);
    expect('copy' in gpt.primary).toBe(left === 'primary');
    expect(gpt.used?.partitions[0]?.name).toBe('esp');
  });

  test('both torn: there is none', () => {
    const disk = makeGpt(sizeBytes);
    disk.write(1024, Buffer.alloc(512, 3));
    disk.write(last - 32 * 512, Buffer.alloc(512, 3));
    const gpt = readGpt(disk);
    expect(gpt.used).toBeUndefined();
    expect(gpt.primary).toEqual({ fault: 'the checksum of its entries is wrong' });
  });
});

describe('FAT32 is read by the specification', () => {
  test('a file of two clusters', () => {
    const disk = makeFat([entry('A       EFI', 5, 700)]);
    setChain(disk, 5, [6, end]);
    expect(readFat32(disk)).toMatchObject({
      copiesAgree: true,
      files: [
        { path: 'A.EFI', sizeBytes: 700, extents: [{ offsetBytes: clusterOffset(5), sizeBytes: 1024 }] },
      ],
    });
  });

  test.each([
    ['is too short', [end], 'its chain has 1 clusters for 2'],
    ['was given back', [0, 0], 'its chain leads to cluster 0'],
    ['leads outside', [0x0ffffff0], 'its chain leads to cluster 268435440'],
    ['goes in a circle', [6, 5], 'its chain is too long'],
  ])('a chain that %s is a fault of its file', (_, chain, fault) => {
    const disk = makeFat([entry('A       EFI', 5, 700)]);
    setChain(disk, 5, chain);
    expect(readFat32(disk).files[0]).toMatchObject({ fault });
  });

  test('an empty file has no clusters, whatever it says', () => {
    expect(readFat32(makeFat([entry('A       EFI', 5, 0)])).files[0]).toMatchObject({
      sizeBytes: 0,
      extents: [],
    });
  });

  test('copies of the FAT that differ are told', () => {
    const disk = makeFat([]);
    setFatEntries(disk, 1, 9, [end]);
    expect(readFat32(disk).copiesAgree).toBe(false);
  });

  test('a long name without its short name is no name', () => {
    const long = Buffer.alloc(32);
    long.set([0x41, 0x62, 0, 0x2b, 0], 0);
    long.set([0x0f, 0, 99], 11);
    expect(readFat32(makeFat([long, entry('B~1     EFI', 0, 0)])).files[0]?.path).toBe('B~1.EFI');
  });

  test('another file system is refused', () => {
    expect(() => readFat32(emptyDisk(1024 * 1024))).toThrow('there is no FAT32 file system: no signature');
  });
});

describe('crash states', () => {
  const map: DiskMap = {
    partitions: [],
    placeOf: (offset) => ({ name: offset < 4096 ? 'table' : 'data', isMetadata: offset < 4096 }),
  };
  const statesOf = (...writes: (readonly [offset: number, text: string] | 'flush')[]): string[] => {
    const data = new Map<LoggedWrite, Buffer>();
    const entries = writes.map((write): LogEntry => {
      if (write === 'flush') return { kind: 'flush' };
      const bytes = Buffer.concat([...write[1]].map((letter) => Buffer.alloc(512, letter)));
      const entry = { kind: 'write', offsetBytes: write[0], sizeBytes: bytes.length, logOffset: 0 } as const;
      data.set(entry, bytes);
      return entry;
    });
    const base = emptyDisk(16_384);
    base.write(0, Buffer.alloc(16_384, '.'));
    const options = { base, entries, map, random: randomFrom(1), mostPerWindow: 64 };
    const states = crashStates({ ...options, data: (write) => data.get(write) ?? Buffer.alloc(0) });
    const letter = (bytes: Buffer, at: number) => bytes.toString('latin1', at, at + 1);
    const found: string[] = [];
    for (const { disk } of states) {
      const bytes = disk.read(0, 16_384);
      found.push([0, 512, 1024, 8192, 8704].map((at) => letter(bytes, at)).join(''));
    }
    return found;
  };

  test.each([
    ['sectors of a table arrive one by one', [[0, 'ab'] as const], ['.....', 'a....', '.b...', 'ab...']],
    ['data arrives by whole requests', [[8192, 'xy'] as const], ['.....', '...xy']],
    [
      'what was flushed stays',
      [[0, 'a'] as const, 'flush' as const, [512, 'b'] as const],
      ['.....', 'a....', 'a....', 'ab...'],
    ],
    [
      'a sector written twice has any content',
      [[0, 'a'] as const, [0, 'c'] as const],
      ['.....', 'a....', 'c....'],
    ],
  ])('%s', (_, writes, expected) => {
    expect(statesOf(...writes)).toEqual(expected);
  });

  test('where there are too many, a sample with both ends in it', () => {
    const states = statesOf([0, 'abcdefgh']);
    expect(states).toHaveLength(64);
    expect(states.slice(0, 2)).toEqual(['.....', 'abc..']);
  });
});
