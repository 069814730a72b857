import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { espLayout } from '../contract/machine-layout.ts';
import { lintEsp } from './lint-esp.ts';
import { readFat, readFatFile } from './read-fat.ts';

const reservedSectors = 32;
const fatSectors = 16;
const dataOffset = (reservedSectors + fatSectors) * 512;

/** A FAT32 file system with these files, made entry by entry; long names get long entries, short ones the case bits. */
function makeFat(
  files: Readonly<Record<string, Buffer>>,
  change: (disk: Buffer) => void = () => undefined,
): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  disk.writeUInt16LE(512, 11);
  disk.writeUInt8(1, 13);
  disk.writeUInt16LE(reservedSectors, 14);
  disk.writeUInt8(1, 16);
  disk.writeUInt32LE(fatSectors, 36);
  disk.writeUInt32LE(2, 44);
  disk.writeUInt16LE(0xaa55, 510);
  let nextCluster = 2;
  const store = (bytes: Buffer): number => {
    const first = nextCluster;
    const count = Math.max(1, Math.ceil(bytes.length / 512));
    for (let index = 0; index < count; index++) {
      const isLast = index === count - 1;
      disk.writeUInt32LE(isLast ? 0x0fffffff : nextCluster + 1, reservedSectors * 512 + nextCluster * 4);
      nextCluster++;
    }
    bytes.copy(disk, dataOffset + (first - 2) * 512);
    return first;
  };
  const writeFolder = (parent: string): number => {
    const first = store(Buffer.alloc(512));
    const names = new Set(
      Object.keys(files)
        .filter((path) => path.startsWith(parent))
        .map((path) => path.slice(parent.length).split('/')[0] as string),
    );
    const entries = [...names].flatMap((name) => {
      const content = files[parent + name];
      const cluster = content === undefined ? writeFolder(`${parent}${name}/`) : store(content);
      return entriesOf(name, content === undefined, cluster, content?.length ?? 0);
    });
    Buffer.concat(entries).copy(disk, dataOffset + (first - 2) * 512);
    return first;
  };
  writeFolder('');
  change(disk);
  return disk;
}

function entriesOf(name: string, isFolder: boolean, cluster: number, sizeBytes: number): Buffer[] {
  const [base = '', extension = '', ...rest] = name.split('.');
  const isOneCase = name === name.toLowerCase() || name === name.toUpperCase();
  const isShort = isOneCase && base.length <= 8 && extension.length <= 3 && rest.length === 0;
  const entry = Buffer.alloc(32);
  entry.write((isShort ? base : 'LONG~1').toUpperCase().padEnd(8), 0, 'latin1');
  entry.write((isShort ? extension : '').toUpperCase().padEnd(3), 8, 'latin1');
  entry.writeUInt8(isFolder ? 0x10 : 0x20, 11);
  if (isShort && name === name.toLowerCase()) entry.writeUInt8(0x18, 12);
  entry.writeUInt16LE(cluster, 26);
  entry.writeUInt32LE(sizeBytes, 28);
  if (isShort) return [entry];
  const parts = [...Array(Math.ceil(name.length / 13)).keys()].map((index) => {
    const long = Buffer.alloc(32, 0xff);
    long.writeUInt8(index + 1, 0);
    long.writeUInt8(0x0f, 11);
    const text = `${name.slice(index * 13, index * 13 + 13)}\0`;
    [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].forEach((offset, place) => {
      if (place < text.length) long.writeUInt16LE(text.charCodeAt(place), offset);
    });
    return long;
  });
  return [...parts.reverse(), entry];
}

const readerOf = (disk: Buffer) => (offsetBytes: number, sizeBytes: number) =>
  disk.subarray(offsetBytes, offsetBytes + sizeBytes);

const kernel = Buffer.alloc(1500, 'k');
const addon = Buffer.from('addon');
const files = {
  [espLayout.kernel.a]: kernel,
  [espLayout.addon.a]: addon,
  'loader/loader.conf': Buffer.from('timeout 0\n'),
};

describe('FAT', () => {
  test('files, folders, long and short names, and how many entries each takes', () => {
    const disk = makeFat(files);
    expect(readFat(readerOf(disk)).map(({ path, sizeBytes, slots }) => [path, sizeBytes, slots])).toEqual([
      ['EFI', 0, 1],
      ['EFI/Linux', 0, 2],
      ['EFI/Linux/a.efi', 1500, 1],
      ['EFI/Linux/a.efi.extra.d', 0, 2],
      ['EFI/Linux/a.efi.extra.d/slot.addon.efi', 5, 3],
      ['loader', 0, 1],
      ['loader/loader.conf', 10, 2],
    ]);
  });

  test('content follows the chain of clusters', () => {
    const disk = makeFat(files);
    const entry = readFat(readerOf(disk)).find(({ path }) => path === espLayout.kernel.a);
    expect(entry && Buffer.from(readFatFile(readerOf(disk), entry)).equals(kernel)).toBe(true);
  });

  const fatOffset = reservedSectors * 512;
  test.each<[string, string, (disk: Buffer) => void]>([
    ['something else', 'there is no FAT32 file system of 512-byte sectors', (disk) => disk.fill(0, 0, 512)],
    [
      'a chain out of the table',
      'the file system has a chain that leads outside',
      (disk) => disk.writeUInt32LE(1, fatOffset + 8),
    ],
    [
      'a chain in a circle',
      'the file system has a chain that is too long',
      (disk) => disk.writeUInt32LE(2, fatOffset + 8),
    ],
    [
      'a folder inside itself',
      'the file system has folders that are too deep',
      (disk) => disk.writeUInt16LE(2, dataOffset + 26),
    ],
  ])('refuses %s: %s', (_name, message, change) => {
    expect(() => readFat(readerOf(makeFat(files, change)))).toThrow(message);
  });
});

describe('lint of the ESP', () => {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const bootFiles = {
    files: Object.entries(files).map(([path, bytes]) => ({ path, source: '', sha256: digest(bytes) })),
  };

  test('what was asked for, and nothing else', () => {
    expect(() => lintEsp(readerOf(makeFat(files)), bootFiles)).not.toThrow();
    expect(() => lintEsp(readerOf(makeFat({ ...files, 'loader/random-seed': addon })), bootFiles)).toThrow(
      'the EFI system partition has files nobody asked for',
    );
    expect(() => lintEsp(readerOf(makeFat({ ...files, 'loader/loader.conf': addon })), bootFiles)).toThrow(
      'loader/loader.conf on the EFI system partition is not what was written',
    );
  });
});
