import { crc32 } from 'node:zlib';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { PartitionExtent } from './disk-image.ts';

const sectorBytes = 512;
const limits = { entries: 1024, entryBytes: 4096 };

/** Reads up to `sizeBytes` at an offset of a disk; fewer bytes at its end. */
export type DiskReader = (offsetBytes: number, sizeBytes: number) => Buffer;

export interface PartitionTable {
  readonly diskGuid: string;
  readonly partitions: readonly PartitionExtent[];
}

/**
 * The GUID partition table of a disk (UEFI specification 2.10, chapter 5), its checksums checked. DISK_INVALID when there
 * is none, or when it is damaged or leads outside of the disk.
 */
export function readGpt(path: string, diskBytes: number, read: DiskReader): PartitionTable {
  const header = read(sectorBytes, sectorBytes);
  if (header.length < sectorBytes || header.toString('latin1', 0, 8) !== 'EFI PART') {
    throw invalid(
      path,
      'it has no GUID partition table',
      'Give a raw disk, such as the .raw file of a build.',
    );
  }
  const damaged = (what: string) =>
    invalid(path, `its partition table is damaged (${what})`, 'Build or copy the disk again.');
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < 92 || headerBytes > sectorBytes) throw damaged('size of the header');
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) throw damaged('checksum of the header');

  const count = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  if (count > limits.entries || entryBytes < 128 || entryBytes > limits.entryBytes)
    throw damaged('number of entries');
  const entries = read(Number(header.readBigUInt64LE(72)) * sectorBytes, count * entryBytes);
  if (entries.length !== count * entryBytes) throw damaged('place of the entries');
  if (crc32(entries) !== header.readUInt32LE(88)) throw damaged('checksum of the entries');

  const partitions: PartitionExtent[] = [];
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * entryBytes, (index + 1) * entryBytes);
    const typeGuid = guidAt(entry, 0);
    if (/^[0-]+$/.test(typeGuid)) continue;
    const first = Number(entry.readBigUInt64LE(32));
    const last = Number(entry.readBigUInt64LE(40));
    if (last < first || (last + 1) * sectorBytes > diskBytes)
      throw damaged(`partition ${index + 1} leads outside of the disk`);
    partitions.push({
      label: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
      typeGuid,
      guid: guidAt(entry, 16),
      offsetBytes: first * sectorBytes,
      sizeBytes: (last - first + 1) * sectorBytes,
    });
  }
  return { diskGuid: guidAt(header, 56), partitions };
}

/** The first three fields of a GUID are stored little-endian. */
function guidAt(bytes: Buffer, offset: number): string {
  const swapped = Buffer.from(bytes.subarray(offset, offset + 16));
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  const text = swapped.toString('hex');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}

function invalid(path: string, reason: string, hint: string): KeelsonError {
  return new KeelsonError({
    code: 'DISK_INVALID',
    class: 'input',
    message: `Cannot read the disk ${path}: ${reason}`,
    place: { file: path },
    hint,
  });
}
