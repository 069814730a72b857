import { open } from 'node:fs/promises';

export interface Partition {
  readonly label: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const sectorBytes = 512;

/** Partitions of a raw disk, read from its GPT by a reader of our own (UEFI specification, section 5.3). */
export async function readPartitions(diskPath: string): Promise<readonly Partition[]> {
  const disk = await open(diskPath);
  try {
    const { buffer: header } = await disk.read(Buffer.alloc(sectorBytes), 0, sectorBytes, sectorBytes);
    if (header.toString('latin1', 0, 8) !== 'EFI PART') throw new Error(`${diskPath} has no GPT`);
    const entriesAt = Number(header.readBigUInt64LE(72)) * sectorBytes;
    const [count, entryBytes] = [header.readUInt32LE(80), header.readUInt32LE(84)];
    const { buffer: entries } = await disk.read(
      Buffer.alloc(count * entryBytes),
      0,
      count * entryBytes,
      entriesAt,
    );
    return Array.from({ length: count }, (_, index) => entries.subarray(index * entryBytes))
      .filter((entry) => !entry.subarray(0, 16).equals(Buffer.alloc(16)))
      .map(readEntry);
  } finally {
    await disk.close();
  }
}

function readEntry(entry: Buffer): Partition {
  const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
  return {
    label: entry.toString('utf16le', 56, 128).replace(/\0.*$/, ''),
    offsetBytes: first * sectorBytes,
    sizeBytes: (last - first + 1) * sectorBytes,
  };
}

export async function partitionOf(diskPath: string, label: string): Promise<Partition> {
  const partitions = await readPartitions(diskPath);
  const found = partitions.find((partition) => partition.label === label);
  if (found === undefined) throw new Error(`${diskPath} has no partition ${label}`);
  return found;
}

/** `count` bytes of a file from `offset`. */
export async function readBytes(path: string, offset: number, count: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
