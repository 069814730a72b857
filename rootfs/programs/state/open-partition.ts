import { partitionLabels, partitionTypes } from '../../../build/contract/machine-layout.ts';
import { addPartition, movePartition } from '../../../build/contract/partition-table.ts';
import type { Device } from '../device.ts';
import type { BootFile } from '../shared/boot-file.ts';
import { type DiskTable, partitionNode, readDiskTable } from '../shared/partition-table/disk-table.ts';
import type { Extent } from '../shared/partition-table/free-extents.ts';
import { repairTable, tellKernel, writeTable } from '../shared/partition-table/write-table.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import { planPartition } from './plan-partition.ts';
import { lastWords, type StateReport, StateUnusable } from './report.ts';

const clearedBytes = 1024 * 1024;

/**
 * The state partition of the boot disk: found, or made in free space; grown up to the reserve. Where the two copies of the
 * partition table differ, the power went away while one was written: they are made the same again.
 */
export function openPartition(device: Device, boot: BootFile, report: StateReport): string {
  const found = readDiskTable(device, boot.disk);
  if (found === undefined) {
    throw new StateUnusable(`${boot.diskDevice}: the disk has no GPT that is whole`);
  }
  const plan = planPartition(found.table, found.geometry, readEngineFile(device).disk.reserveBytes);
  switch (plan.kind) {
    case 'none':
      throw new StateUnusable(`${boot.diskDevice}: ${plan.reason}`);
    case 'keep':
      attempt(report, 'repair the partition table', () =>
        repairTable(device, found, (line) => report.did(line)),
      );
      return partitionNode(boot.disk, plan.number);
    case 'grow':
      grow(device, found, plan, report);
      return partitionNode(boot.disk, plan.number);
    case 'add':
      return add(device, found, plan, report);
  }
}

/** A failure is only a note: the partition is as good as it was. */
function grow(
  device: Device,
  found: DiskTable,
  { number, startSector, sizeSectors }: Extent & { readonly number: number },
  report: StateReport,
): void {
  const node = partitionNode(found.disk, number);
  attempt(report, `grow partition ${node}`, () => {
    writeTable(device, found, movePartition(found.table, number, startSector, sizeSectors), number);
    report.did(`grew partition ${node} to ${sizeSectors} sectors`);
    tellKernel(device, found.disk, number);
  });
}

function attempt(report: StateReport, what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    report.note(`cannot ${what}: ${messageOf(error)}`);
  }
}

function add(device: Device, found: DiskTable, extent: Extent, report: StateReport): string {
  const { disk, geometry, table } = found;
  // What an earlier owner of the disk left there must not look like a file system: cleared before the partition exists.
  const cleared = device.run([
    '/usr/bin/busybox',
    'dd',
    'if=/dev/zero',
    `of=/dev/${disk}`,
    `bs=${geometry.sectorBytes}`,
    `seek=${extent.startSector}`,
    `count=${clearedBytes / geometry.sectorBytes}`,
    'conv=notrunc,fsync',
  ]);
  if (cleared.exitCode !== 0) {
    throw new StateUnusable(`cannot add a partition to /dev/${disk}: ${lastWords(cleared)}`);
  }
  const added = addPartition(table, {
    ...extent,
    label: partitionLabels.state,
    typeGuid: partitionTypes.state,
    guid: device.readFile('/proc/sys/kernel/random/uuid')?.trim() ?? '',
  });
  if (added === undefined) {
    throw new StateUnusable(`cannot add a partition to /dev/${disk}: its table is full`);
  }
  try {
    writeTable(device, found, added.table, added.number);
    tellKernel(device, disk, added.number);
  } catch (error) {
    throw new StateUnusable(`cannot add a partition to /dev/${disk}: ${messageOf(error)}`);
  }
  const node = partitionNode(disk, added.number);
  report.did(`made partition ${node}`);
  return node;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
