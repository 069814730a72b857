import { machineLayout } from '../../../../build/contract/machine-layout.ts';
import {
  encodeTable,
  isSameBytes,
  listPartitions,
  type PartitionTable,
  usableEnd,
} from '../../../../build/contract/partition-table.ts';
import type { CommandOutcome, Device } from '../../device.ts';
import type { DiskTable } from './disk-table.ts';

const writtenPath = `${machineLayout.runtime}/partition-table`;

/** Sector and content of one copy. */
interface Copy {
  readonly sector: number;
  readonly bytes: Uint8Array;
}

/**
 * Replaces the table of a disk in use, so that at each moment one of its copies is whole, and that is the old one or the new
 * one: first the copy that was not read from, and when that was read back from the disk, the other. `mayChange` is the one
 * partition that may differ; anything else is a fault of the caller, and nothing is written.
 */
export function writeTable(
  device: Device,
  found: DiskTable,
  table: PartitionTable,
  mayChange: number | undefined,
  say: (line: string) => void = () => {},
): void {
  checkChange(found, table, mayChange);
  const { primary, backup } = encodeTable(table, found.geometry);
  if (found.source === 'backup') {
    // What is to be changed must be in two places first.
    const { primary: same } = encodeTable(found.table, found.geometry);
    writeCopy(device, found, same);
    say(`the partition table of ${found.disk} was written anew from its backup`);
  }
  if (writeCopy(device, found, backup)) say(`the backup of the partition table of ${found.disk} is written`);
  if (writeCopy(device, found, primary)) say(`the partition table of ${found.disk} is written`);
  device.remove(writtenPath);
}

/** After a power cut between the two copies: both are written as the one that this boot was made from. */
export function repairTable(device: Device, found: DiskTable, say?: (line: string) => void): void {
  if (!found.isWhole) writeTable(device, found, found.table, undefined, say);
}

/**
 * The disk's other partitions are in use, so the kernel will not read the whole table anew; partx(8) tells it of one. A
 * partition that begins elsewhere is taken away and added: it has no PARTNAME until the next boot.
 */
export function tellKernel(device: Device, disk: string, number: number): void {
  must(device.run(['/usr/bin/partx', '--update', '--nr', String(number), `/dev/${disk}`]), 'tell the kernel');
}

/** Writes and reads back, and not from memory; `false` when the disk has it already. */
function writeCopy(device: Device, { disk, geometry }: DiskTable, { sector, bytes }: Copy): boolean {
  const { sectorBytes } = geometry;
  const offset = sector * sectorBytes;
  const node = `/dev/${disk}`;
  const before = device.readBytes(node, offset, bytes.length);
  if (before !== undefined && isSameBytes(before, bytes)) return false;
  const dd = ['/usr/bin/busybox', 'dd', `bs=${sectorBytes}`];
  device.writeFile(writtenPath, bytes, 0o600);
  must(
    device.run([...dd, `if=${writtenPath}`, `of=${node}`, `seek=${sector}`, 'conv=notrunc,fsync']),
    `write the partition table of ${node}`,
  );
  const count = `count=${bytes.length / sectorBytes}`;
  must(
    device.run([...dd, `if=${node}`, `of=${writtenPath}`, `skip=${sector}`, count, 'iflag=direct']),
    `read the partition table of ${node}`,
  );
  const back = device.readBytes(writtenPath, 0, bytes.length);
  if (back === undefined || !isSameBytes(back, bytes)) {
    throw new Error(`the partition table of ${node} does not read back as it was written`);
  }
  return true;
}

function checkChange(
  { table: before, geometry }: DiskTable,
  after: PartitionTable,
  mayChange?: number,
): void {
  const { entryBytes } = before;
  const isShape = after.entryBytes === entryBytes && after.entries.length === before.entries.length;
  for (let number = 1; isShape && number * entryBytes <= before.entries.length; number++) {
    if (number === mayChange) continue;
    const [from, to] = [(number - 1) * entryBytes, number * entryBytes];
    if (!isSameBytes(before.entries.subarray(from, to), after.entries.subarray(from, to))) {
      throw new Error(`partition ${number} would change, which is none of this change`);
    }
  }
  const partitions = [...listPartitions(after)].sort((one, other) => one.startSector - other.startSector);
  let freeFrom = after.firstUsableSector;
  for (const { label, startSector, sizeSectors } of partitions) {
    if (startSector < freeFrom || sizeSectors < 1)
      throw new Error(`partition ${label} would overlap another`);
    freeFrom = startSector + sizeSectors;
  }
  if (!isShape || freeFrom > usableEnd(after, geometry))
    throw new Error('the partitions do not fit the disk');
}

function must(outcome: CommandOutcome, what: string): void {
  if (outcome.exitCode === 0) return;
  const words = `${outcome.stdout}\n${outcome.stderr}`.trim().split('\n').at(-1) ?? '';
  throw new Error(`cannot ${what}: ${words === '' ? `exit code ${outcome.exitCode}` : words}`);
}
