import {
  addPartition,
  type DiskGeometry,
  encodeTable,
  type PartitionTable,
} from '../../../build/contract/partition-table.ts';
import type { FakeCommand, FakeDevice } from './fake-device.ts';

const mebibyte = 1024 * 1024;

/** The power went away. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** A disk in memory; what was never written is zeros. */
export class FakeDisk {
  readonly geometry: DiskGeometry;
  readonly #sectors = new Map<number, Uint8Array>();
  /** For each sector about to be written: whether it still reaches the disk, or when the power goes. */
  onWrite: (sector: number) => boolean = () => true;

  constructor(mebibytes: number, sectorBytes = 512) {
    this.geometry = { sectorBytes, sectors: (mebibytes * mebibyte) / sectorBytes };
  }

  read(offset: number, length: number): Uint8Array {
    const { sectorBytes, sectors } = this.geometry;
    const bytes = new Uint8Array(Math.max(0, Math.min(length, sectors * sectorBytes - offset)));
    for (let at = 0; at < bytes.length; ) {
      const sector = Math.floor((offset + at) / sectorBytes);
      const inside = (offset + at) % sectorBytes;
      const count = Math.min(sectorBytes - inside, bytes.length - at);
      const content = this.#sectors.get(sector);
      if (content !== undefined) bytes.set(content.subarray(inside, inside + count), at);
      at += count;
    }
    return bytes;
  }

  /** Whole sectors. */
  write(sector: number, bytes: Uint8Array): void {
    const { sectorBytes } = this.geometry;
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      const number = sector + at / sectorBytes;
      if (this.onWrite(number)) this.#sectors.set(number, bytes.slice(at, at + sectorBytes));
    }
  }

  writeTable(table: PartitionTable): void {
    const { primary, backup } = encodeTable(table, this.geometry);
    this.write(primary.sector, primary.bytes);
    this.write(backup.sector, backup.bytes);
  }

  /** The same content on a disk of another size. */
  resized(mebibytes: number): FakeDisk {
    const disk = new FakeDisk(mebibytes, this.geometry.sectorBytes);
    for (const [sector, bytes] of this.#sectors) {
      if (sector < disk.geometry.sectors) disk.#sectors.set(sector, bytes);
    }
    return disk;
  }
}

/** Partitions one after the other from 1 MiB, as `label=size in MiB`, or at a place, as `label=size@start`. */
export function makeTable(description: string, { sectorBytes }: DiskGeometry): PartitionTable {
  let start = 1;
  let table: PartitionTable = {
    diskGuid: Uint8Array.from({ length: 16 }, (_, index) => index + 1),
    firstUsableSector: 1 + 1 + 16384 / sectorBytes,
    entryBytes: 128,
    entries: new Uint8Array(16384),
  };
  for (const part of description.split(' ').filter((word) => word !== '')) {
    const [, label = '', size, at] = /^([^=]+)=(\d+)(?:@(\d+))?$/.exec(part) ?? [];
    start = at === undefined ? start : Number(at);
    const added = addPartition(table, {
      label,
      startSector: (start * mebibyte) / sectorBytes,
      sizeSectors: (Number(size) * mebibyte) / sectorBytes,
      typeGuid: '0fc63daf-8483-4772-8e79-3d69d8477de4',
      guid: `00000000-0000-4000-8000-0000000000${start.toString(16).padStart(2, '0').slice(-2)}`,
    });
    if (added === undefined) throw new Error('the table is full');
    table = added.table;
    start += Number(size);
  }
  return table;
}

/** A disk with a table. */
export function makeFakeDisk(mebibytes: number, partitions: string, sectorBytes?: number): FakeDisk {
  const disk = new FakeDisk(mebibytes, sectorBytes);
  disk.writeTable(makeTable(partitions, disk.geometry));
  return disk;
}

/** dd(1) between `/dev/zero`, files that were written as bytes, and disks, all of it in whole sectors. */
export function fakeDd(
  disks: Readonly<Record<string, FakeDisk>>,
  device: () => Pick<FakeDevice, 'bytes'>,
): FakeCommand {
  return (command) => {
    const words = command[0]?.endsWith('busybox') ? command.slice(1) : command;
    if (words[0] !== 'dd') return undefined;
    const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const size = Number(value('bs'));
    const [from = '', to = ''] = [value('if'), value('of')];
    const content =
      from === '/dev/zero'
        ? new Uint8Array(Number(value('count')) * size)
        : (disks[from]?.read(Number(value('skip') ?? 0) * size, Number(value('count')) * size) ??
          device().bytes.get(from) ??
          new Uint8Array(0));
    const disk = disks[to];
    if (disk === undefined) device().bytes.set(to, content);
    else disk.write((Number(value('seek') ?? 0) * size) / disk.geometry.sectorBytes, content);
    return {};
  };
}
