import { crc32 } from 'node:zlib';
import { type DiskBytes, sectorBytes } from './disk-bytes.ts';

/**
 * A strict reader of GUID partition tables after the UEFI specification 2.10, section 5.3. It shares nothing with the builder
 * or the machine, and says of each copy whether it is whole.
 */
export interface GptPartition {
  readonly name: string;
  readonly typeGuid: string;
  readonly guid: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface GptCopy {
  readonly diskGuid: string;
  readonly alternateLba: number;
  readonly partitions: readonly GptPartition[];
}

/** A copy, or why it is none. */
export type GptRead = { readonly copy: GptCopy } | { readonly fault: string };

export interface Gpt {
  readonly primary: GptRead;
  /** Where the primary says that it is, or else in the last sector. */
  readonly backup: GptRead;
  /** Whether both are whole and say the same. */
  readonly agrees: boolean;
  /** What firmware goes by: the primary when it is whole, else the backup in the last sector. */
  readonly used: GptCopy | undefined;
}

export function readGpt(disk: DiskBytes): Gpt {
  const lastLba = Math.floor(disk.sizeBytes / sectorBytes) - 1;
  const primary = readCopy(disk, 1);
  const backup = readCopy(disk, 'copy' in primary ? primary.copy.alternateLba : lastLba);
  const whole = 'copy' in primary ? primary.copy : 'copy' in backup ? backup.copy : undefined;
  const agrees =
    'copy' in primary &&
    'copy' in backup &&
    backup.copy.alternateLba === 1 &&
    primary.copy.diskGuid === backup.copy.diskGuid &&
    JSON.stringify(primary.copy.partitions) === JSON.stringify(backup.copy.partitions);
  return { primary, backup, agrees, used: whole };
}

function readCopy(disk: DiskBytes, lba: number): GptRead {
  try {
    return { copy: parseCopy(disk, lba) };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

/** Section 5.3.2, table 5-5. */
function parseCopy(disk: DiskBytes, lba: number): GptCopy {
  const lastLba = Math.floor(disk.sizeBytes / sectorBytes) - 1;
  const header = disk.read(lba * sectorBytes, sectorBytes);
  require(header.toString('latin1', 0, 8) === 'EFI PART', 'it has no signature');
  require(header.readUInt32LE(8) === 0x00010000, 'it has another revision');
  const headerBytes = header.readUInt32LE(12);
  require(headerBytes >= 92 && headerBytes <= sectorBytes, 'its header has an impossible size');
  const counted = Buffer.from(header.subarray(0, headerBytes));
  counted.writeUInt32LE(0, 16);
  require(crc32(counted) === header.readUInt32LE(16), 'the checksum of its header is wrong');
  require(header.readUInt32LE(20) === 0, 'a reserved field is not 0');
  const number = (offset: number) => Number(header.readBigUInt64LE(offset));
  require(number(24) === lba, 'it says that it lies elsewhere');
  const [alternateLba, firstUsable, lastUsable, entriesLba] = [
    number(32),
    number(40),
    number(48),
    number(72),
  ];
  require(alternateLba !== lba && alternateLba <= lastLba, 'its other copy would lie outside of the disk');
  const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  require(entryBytes >= 128 && (entryBytes & (entryBytes - 1)) === 0, 'its entries have an impossible size');
  require(count * entryBytes >= 16384 && count <= 1024, 'its array of entries has an impossible size');
  const entries = disk.read(entriesLba * sectorBytes, count * entryBytes);
  require(crc32(entries) === header.readUInt32LE(88), 'the checksum of its entries is wrong');
  require(firstUsable <= lastUsable && lastUsable <= lastLba, 'its usable range lies outside of the disk');
  const partitions: GptPartition[] = [];
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * entryBytes, (index + 1) * entryBytes);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    require(first >= firstUsable &&
      first <= last &&
      last <= lastUsable, `partition ${index + 1} lies outside`);
    partitions.push({
      name: entry.toString('utf16le', 56, 128).split('\0')[0] ?? '',
      typeGuid: guidText(entry.subarray(0, 16)),
      guid: guidText(entry.subarray(16, 32)),
      offsetBytes: first * sectorBytes,
      sizeBytes: (last - first + 1) * sectorBytes,
    });
  }
  const sorted = [...partitions].sort((one, other) => one.offsetBytes - other.offsetBytes);
  sorted.forEach((each, index) => {
    const before = sorted[index - 1];
    const isApart = before === undefined || before.offsetBytes + before.sizeBytes <= each.offsetBytes;
    require(isApart, `partitions ${before?.name} and ${each.name} overlap`);
  });
  require(new Set(partitions.map(({ guid }) => guid)).size ===
    partitions.length, 'two partitions have one GUID');
  return { diskGuid: guidText(header.subarray(56, 72)), alternateLba, partitions };
}

/** Appendix A: the first three fields are little-endian. */
function guidText(bytes: Buffer): string {
  const part = (from: number, to: number, isLittle: boolean) => {
    const piece = Buffer.from(bytes.subarray(from, to));
    return (isLittle ? piece.reverse() : piece).toString('hex');
  };
  const little = [part(0, 4, true), part(4, 6, true), part(6, 8, true)];
  return [...little, part(8, 10, false), part(10, 16, false)].join('-');
}

function require(condition: boolean, fault: string): void {
  if (!condition) throw new Error(fault);
}
