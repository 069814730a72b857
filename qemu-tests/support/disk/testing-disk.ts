import { crc32 } from 'node:zlib';
import { ChangedDisk } from './changed-disk.ts';
import type { DiskBytes } from './disk-bytes.ts';

/** A disk of zeros, to be written to. */
export function emptyDisk(sizeBytes: number): ChangedDisk {
  const zeros: DiskBytes = { sizeBytes, read: (_, count) => Buffer.alloc(count), stampOf: () => '' };
  return new ChangedDisk(zeros);
}

const [reserved, fatSectors, clusters] = [32, 1024, 65_600];
export const fatOffset = reserved * 512;
export const clusterOffset = (cluster: number): number => (reserved + 2 * fatSectors + cluster - 2) * 512;
export const fatDiskBytes = (reserved + 2 * fatSectors + clusters) * 512;

/** FAT32 with clusters of one sector; root folder in cluster 2. */
export function makeFat(entries: readonly Buffer[]): ChangedDisk {
  const disk = emptyDisk(fatDiskBytes);
  const boot = Buffer.alloc(512);
  boot.set([0xeb, 0x58, 0x90]);
  boot.writeUInt16LE(512, 11);
  boot.writeUInt8(1, 13);
  boot.writeUInt16LE(reserved, 14);
  boot.writeUInt8(2, 16);
  boot.writeUInt8(0xf8, 21);
  boot.writeUInt32LE(fatDiskBytes / 512, 32);
  boot.writeUInt32LE(fatSectors, 36);
  boot.writeUInt32LE(2, 44);
  boot.writeUInt16LE(0xaa55, 510);
  disk.write(0, boot);
  setChain(disk, 0, [0x0ffffff8, 0x0fffffff, 0x0fffffff]);
  const folder = Buffer.alloc(512);
  entries.forEach((entry, index) => {
    entry.copy(folder, index * 32);
  });
  disk.write(clusterOffset(2), folder);
  return disk;
}

/** Entries of both FATs from `first` on. */
export function setChain(disk: ChangedDisk, first: number, next: readonly number[]): void {
  for (const copy of [0, 1]) setFatEntries(disk, copy, first, next);
}

export function setFatEntries(disk: ChangedDisk, copy: number, first: number, next: readonly number[]): void {
  const table = fatOffset + copy * fatSectors * 512;
  next.forEach((value, index) => {
    const at = table + (first + index) * 4;
    const sector = Buffer.from(disk.read(Math.floor(at / 512) * 512, 512));
    sector.writeUInt32LE(value, at % 512);
    disk.write(Math.floor(at / 512) * 512, sector);
  });
}

/** `name` of eight and three characters, as it lies in the folder. */
export function entry(name: string, firstCluster: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(name, 'latin1');
  bytes.writeUInt16LE(firstCluster, 26);
  bytes.writeUInt32LE(sizeBytes, 28);
  return bytes;
}

/** A disk with one partition, and both tables. */
export function makeGpt(sizeBytes: number): ChangedDisk {
  const disk = emptyDisk(sizeBytes);
  const last = sizeBytes / 512 - 1;
  const entries = Buffer.alloc(16_384);
  entries.fill(1, 0, 16);
  entries.fill(2, 16, 32);
  entries.writeBigUInt64LE(2048n, 32);
  entries.writeBigUInt64LE(4095n, 40);
  entries.write('esp', 56, 'utf16le');
  const header = (lba: number, other: number, entriesLba: number): Buffer => {
    const bytes = Buffer.alloc(512);
    bytes.write('EFI PART', 'latin1');
    bytes.writeUInt32LE(0x10000, 8);
    bytes.writeUInt32LE(92, 12);
    for (const [at, value] of [
      [24, lba],
      [32, other],
      [40, 34],
      [48, last - 33],
      [72, entriesLba],
    ] as const)
      bytes.writeBigUInt64LE(BigInt(value), at);
    bytes.fill(7, 56, 72);
    bytes.writeUInt32LE(128, 80);
    bytes.writeUInt32LE(128, 84);
    bytes.writeUInt32LE(crc32(entries), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16);
    return bytes;
  };
  disk.write(512, header(1, last, 2));
  disk.write(1024, entries);
  disk.write((last - 32) * 512, entries);
  disk.write(last * 512, header(last, 1, last - 32));
  return disk;
}
