import { createHash } from 'node:crypto';
import {
  type BootFileEntry,
  bootSlots,
  chooseEntry,
  parseBootName,
} from '../../../build/contract/boot-entries.ts';
import { espLayout, partitionLabels } from '../../../build/contract/machine-layout.ts';
import { readSlotTrailer } from '../../../build/contract/slot-layout.ts';
import { readUkiRelease } from '../../../build/contract/uki-file.ts';
import { type DiskBytes, partOf } from './disk-bytes.ts';
import { type FatFile, readFat32 } from './read-fat32.ts';
import { type GptPartition, readGpt } from './read-gpt.ts';

/** A version that a machine may run: what it was when it was whole. */
export interface KnownVersion {
  readonly version: string;
  /** Hexadecimal. */
  readonly rootHash: string;
  readonly ukiSha256: string;
  /** Of the slot from its first byte up to the end of the trailer. */
  readonly slotBytes: number;
  readonly slotSha256: string;
}

/** What a machine's disk is held against. */
export interface Known {
  readonly versions: readonly KnownVersion[];
  /** Every file of the ESP beside the unified kernel images, as it must be: SHA-256 by path in lower case. */
  readonly bootFiles: ReadonlyMap<string, string>;
}

export interface Verdict {
  /** Empty: the machine boots. */
  readonly faults: readonly string[];
  /** What the boot loader takes. */
  readonly boots?: { readonly name: string; readonly version: string };
  /** What is not as it should be, and does no harm. */
  readonly notes: readonly string[];
}

/** The same bytes need no second digest. */
export type DigestCache = Map<string, string>;

/** Whether this disk boots a root that verifies, by the specifications of GPT and FAT, and the boot loader's own order. */
export function judgeDisk(disk: DiskBytes, known: Known, cache: DigestCache): Verdict {
  const faults: string[] = [];
  const notes: string[] = [];
  const gpt = readGpt(disk);
  if (gpt.used === undefined) {
    const say = (read: object) => ('fault' in read ? String(read.fault) : 'whole');
    return { faults: [`no partition table is whole: ${say(gpt.primary)}; ${say(gpt.backup)}`], notes };
  }
  if (!gpt.agrees) notes.push('the two partition tables differ');
  if ('fault' in gpt.primary)
    notes.push(`only the backup of the partition table is whole: ${gpt.primary.fault}`);
  const partition = (name: string): DiskBytes => {
    const found = gpt.used?.partitions.find((each: GptPartition) => each.name === name);
    if (found === undefined) throw new Error(`there is no partition ${name}`);
    return partOf(disk, found.offsetBytes, found.sizeBytes);
  };
  try {
    const esp = partition(partitionLabels.esp);
    const fat = readFat32(esp);
    faults.push(...fat.faults);
    if (!fat.copiesAgree) notes.push('the copies of the FAT differ');
    faults.push(...checkBootFiles(esp, fat.files, known, cache));
    const entries = readEntries(esp, fat.files, known, cache);
    faults.push(...entries.faults);
    const chosen = chooseEntry(entries.files);
    if (chosen === undefined) return { faults: [...faults, 'the boot loader finds nothing to boot'], notes };
    const version = entries.versions.get(chosen.name);
    if (version === undefined)
      return { faults: [...faults, `${chosen.name} is chosen and not whole`], notes };
    const hasRoot = bootSlots.some((slot) => holds(partition(`root-${slot}`), version, cache, `${slot}`));
    if (!hasRoot) faults.push(`no slot holds the root of ${chosen.name}, version ${version.version}`);
    return { faults, notes, boots: { name: chosen.name, version: version.version } };
  } catch (error) {
    return { faults: [...faults, (error as Error).message], notes };
  }
}

/** The boot loader itself and what is beside it. */
function checkBootFiles(
  esp: DiskBytes,
  files: readonly FatFile[],
  known: Known,
  cache: DigestCache,
): readonly string[] {
  return [...known.bootFiles].flatMap(([path, sha256]) => {
    const file = files.find((each) => each.path.toLowerCase() === path);
    if (file === undefined) return [`/${path} is gone`];
    if (file.fault !== undefined) return [`/${path}: ${file.fault}`];
    return digestOf(esp, file, cache) === sha256 ? [] : [`/${path} is not what it was`];
  });
}

/**
 * Every visible name must be a whole unified kernel image of its slot, or empty: systemd-boot goes no further when what it took
 * cannot be read. Names of one slot may share clusters (a rename that was cut); names of two must not.
 */
function readEntries(esp: DiskBytes, all: readonly FatFile[], known: Known, cache: DigestCache) {
  const faults: string[] = [];
  const files: BootFileEntry[] = [];
  const versions = new Map<string, KnownVersion>();
  const owners = new Map<number, string>();
  for (const file of all) {
    const prefix = `${espLayout.kernelFolder}/`.toLowerCase();
    const name = file.path.slice(prefix.length);
    if (!file.path.toLowerCase().startsWith(prefix) || name.includes('/') || file.isFolder) continue;
    const parsed = parseBootName(name);
    if (parsed?.kind !== 'entry') continue;
    if (file.sizeBytes === 0) {
      files.push({ name, sizeBytes: 0 });
      continue;
    }
    if (file.fault !== undefined) {
      faults.push(`${name}: ${file.fault}`);
      continue;
    }
    for (const { offsetBytes } of file.extents) {
      const owner = owners.get(offsetBytes) ?? parsed.slot;
      if (owner !== parsed.slot) faults.push(`${name} shares clusters with a file of slot ${owner}`);
      owners.set(offsetBytes, parsed.slot);
    }
    const sha256 = digestOf(esp, file, cache);
    const version = known.versions.find((each) => each.ukiSha256 === sha256);
    if (version === undefined) faults.push(`${name} is no whole unified kernel image`);
    else versions.set(name, version);
    const release = readUkiRelease((offset, size) => readFile(esp, file, offset, size));
    files.push({ name, sizeBytes: file.sizeBytes, ...(release && { release }) });
  }
  return { faults, files, versions };
}

/** Whether the slot is, byte for byte, what the version is made of. */
function holds(slot: DiskBytes, version: KnownVersion, cache: DigestCache, name: string): boolean {
  if (slot.sizeBytes < version.slotBytes) return false;
  const key = `slot ${name} ${version.slotBytes} ${slot.stampOf(0, version.slotBytes)}`;
  const found = cache.get(key) ?? digest([slot.read(0, version.slotBytes)]);
  cache.set(key, found);
  return found === version.slotSha256;
}

/** What a whole slot says of itself; its content is taken as it is. */
export function knowVersion(slot: DiskBytes): KnownVersion {
  const trailer = readSlotTrailer((offset, size) =>
    slot.read(offset, Math.min(size, slot.sizeBytes - offset)),
  );
  const ukiEnd = trailer.uki.offsetBytes + trailer.uki.sizeBytes;
  const slotBytes = Math.ceil(ukiEnd / 4096) * 4096 + 4096;
  return {
    version: trailer.version,
    rootHash: trailer.rootHash,
    ukiSha256: trailer.uki.sha256,
    slotBytes,
    slotSha256: digest([slot.read(0, slotBytes)]),
  };
}

/** The files of a whole ESP that are no unified kernel images. */
export function knowBootFiles(esp: DiskBytes): ReadonlyMap<string, string> {
  const isOther = ({ path, isFolder }: FatFile) =>
    !isFolder && parseBootName(path.slice(path.lastIndexOf('/') + 1)) === undefined;
  const others = readFat32(esp).files.filter(isOther);
  return new Map(others.map((file) => [file.path.toLowerCase(), digestOf(esp, file, new Map())]));
}

function digestOf(esp: DiskBytes, file: FatFile, cache: DigestCache): string {
  const stamp = file.extents.map(
    ({ offsetBytes, sizeBytes }) => `${offsetBytes}+${sizeBytes}=${esp.stampOf(offsetBytes, sizeBytes)}`,
  );
  const key = `${file.sizeBytes} ${stamp.join()}`;
  const found = cache.get(key) ?? digest([readFile(esp, file, 0, file.sizeBytes)]);
  cache.set(key, found);
  return found;
}

function readFile(esp: DiskBytes, file: FatFile, offsetBytes: number, sizeBytes: number): Buffer {
  const end = Math.min(offsetBytes + sizeBytes, file.sizeBytes);
  const parts: Buffer[] = [];
  let start = 0;
  for (const extent of file.extents) {
    const from = Math.max(offsetBytes, start);
    const to = Math.min(end, start + extent.sizeBytes);
    if (from < to) parts.push(esp.read(extent.offsetBytes + from - start, to - from));
    start += extent.sizeBytes;
  }
  return Buffer.concat(parts);
}

function digest(parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
