import { createHash } from 'node:crypto';
import { crashStates } from './disk/crash-states.ts';
import { type DiskBytes, sectorBytes } from './disk/disk-bytes.ts';
import { randomFrom } from './disk/random.ts';
import { type FatFile, readFat32 } from './disk/read-fat32.ts';
import { type LogEntry, WriteLog } from './disk/write-log.ts';

export interface EspStatesOptions {
  /** The EFI system partition before the first write. */
  readonly before: Buffer;
  /** Of the partition, on the disk whose writes were put down. */
  readonly offsetBytes: number;
  readonly writeLogPath: string;
  /** Path → SHA-256 of what the file may be in any state. */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
  readonly mostPerWindow: number;
}

export interface EspStatesRead {
  readonly states: number;
  /** The first few. */
  readonly faults: readonly string[];
}

const toldFaults = 5;

/**
 * Reads every state in which a power cut could have left the EFI system partition (of stretches with too many a sample): each
 * file must be there, whole, and one of those that it may be.
 */
export function readEspStates(options: EspStatesOptions): EspStatesRead {
  const { before, offsetBytes, allowed } = options;
  const base: DiskBytes = {
    sizeBytes: before.length,
    read: (from, count) => Buffer.from(before.subarray(from, from + count)),
    stampOf: () => '',
  };
  using log = new WriteLog(options.writeLogPath);
  const isMetadata = metadataOf(base);
  const states = crashStates({
    base,
    entries: log.readNew().flatMap((entry) => moveEntry(entry, offsetBytes, before.length)),
    data: (write) => log.data(write),
    map: {
      partitions: [],
      placeOf: (at) => ({ name: 'esp', isMetadata: isMetadata(at) }),
    },
    random: randomFrom(1),
    mostPerWindow: options.mostPerWindow,
  });
  const digests = new Map<string, string>();
  const faults: string[] = [];
  let count = 0;
  for (const { disk, window, landed } of states) {
    count++;
    const { files } = readFat32(disk);
    for (const [path, sha256] of Object.entries(allowed)) {
      const fault = judge(disk, files, path, sha256, digests);
      if (fault !== undefined && faults.length < toldFaults)
        faults.push(`after flush ${window}, landed: ${landed}: ${path} ${fault}`);
    }
  }
  return { states: count, faults };
}

function judge(
  disk: DiskBytes,
  files: readonly FatFile[],
  path: string,
  allowed: readonly string[],
  digests: Map<string, string>,
): string | undefined {
  const file = files.find((each) => each.path.toLowerCase() === path.toLowerCase());
  if (file === undefined) return 'is gone';
  if (file.fault !== undefined) return file.fault;
  const stamp = file.extents.map((each) => [each, disk.stampOf(each.offsetBytes, each.sizeBytes)]);
  const key = JSON.stringify([file.sizeBytes, stamp]);
  const found = digests.get(key) ?? digestOf(disk, file);
  digests.set(key, found);
  return allowed.includes(found) ? undefined : 'is neither the old one nor the new one';
}

function digestOf(disk: DiskBytes, { extents, sizeBytes }: FatFile): string {
  const parts = extents.map((extent) => disk.read(extent.offsetBytes, extent.sizeBytes));
  return createHash('sha256').update(Buffer.concat(parts).subarray(0, sizeBytes)).digest('hex');
}

/** Sectors of the table of clusters and of folders, where each may arrive without the next. */
function metadataOf(disk: DiskBytes): (offsetBytes: number) => boolean {
  const { metadata } = readFat32(disk);
  return (at) =>
    metadata.some(({ offsetBytes, sizeBytes }) => at >= offsetBytes && at < offsetBytes + sizeBytes);
}

/** An entry as the partition alone would have it; nothing for what lies elsewhere. */
function moveEntry(entry: LogEntry, offsetBytes: number, sizeBytes: number): readonly LogEntry[] {
  if (entry.kind === 'flush') return [entry];
  const from = entry.offsetBytes - offsetBytes;
  if (from < 0 || from + entry.sizeBytes > sizeBytes || from % sectorBytes !== 0) return [];
  return [{ ...entry, offsetBytes: from }];
}
