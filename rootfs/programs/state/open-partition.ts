import { partitionLabels, partitionTypes } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import type { BootFile } from '../shared/boot-file.ts';
import { type PartitionPlan, type PartitionTable, partitionNumber, planPartition } from './plan-partition.ts';
import { lastWords, type StateReport, StateUnusable } from './report.ts';

const clearedBytes = 1024 * 1024;

/**
 * The state partition of the boot disk: found, or made in the free space at the end; grown to the disk's end. sfdisk writes
 * the backup table first and the primary after it, each with its checksum, so one of them is whole whenever
 * the power goes.
 */
export function openPartition(device: Device, boot: BootFile, report: StateReport): string {
  const plan = planPartition(readTable(device, boot), diskBytes(device, boot.disk), partitionLabels.state);
  switch (plan.kind) {
    case 'none':
      throw new StateUnusable(`${boot.diskDevice}: ${plan.reason}`);
    case 'keep':
      return plan.node;
    case 'grow':
      grow(device, boot, plan, report);
      return plan.node;
    case 'add':
      return add(device, boot, plan, report);
  }
}

function readTable(device: Device, boot: BootFile): PartitionTable {
  const outcome = device.run(['/usr/sbin/sfdisk', '--json', boot.diskDevice]);
  if (outcome.exitCode !== 0) {
    throw new StateUnusable(`cannot read the partitions of ${boot.diskDevice}: ${lastWords(outcome)}`);
  }
  return JSON.parse(outcome.stdout) as PartitionTable;
}

/** The kernel counts 512-byte sectors whatever the disk's own are. */
function diskBytes(device: Device, disk: string): number {
  return Number(device.readFile(`/sys/class/block/${disk}/size`) ?? '0') * 512;
}

/** A failure is only a note: the partition is as good as it was. */
function grow(
  device: Device,
  boot: BootFile,
  plan: Extract<PartitionPlan, { kind: 'grow' }>,
  report: StateReport,
): void {
  const outcome = device.run(
    ['/usr/sbin/sfdisk', '--no-reread', '--partno', String(plan.number), boot.diskDevice],
    { input: `size=${plan.sizeSectors}\n` },
  );
  if (outcome.exitCode === 0) {
    tellKernel(device, boot, plan.number, report);
    report.did(`grew partition ${plan.node} to ${plan.sizeSectors} sectors`);
  } else {
    report.note(`cannot grow partition ${plan.node}: ${lastWords(outcome)}`);
  }
}

/**
 * The root's partition is in use, so the kernel will not read the whole table anew, and sfdisk knows no other way. partx tells
 * it of one partition.
 */
function tellKernel(device: Device, boot: BootFile, number: number, report: StateReport): void {
  const outcome = device.run(['/usr/bin/partx', '--update', '--nr', String(number), boot.diskDevice]);
  if (outcome.exitCode !== 0) {
    report.note(`the kernel sees the change at the next boot only: ${lastWords(outcome)}`);
  }
}

function add(
  device: Device,
  boot: BootFile,
  plan: Extract<PartitionPlan, { kind: 'add' }>,
  report: StateReport,
): string {
  // What an earlier owner of the disk left there must not look like a file system: cleared before the partition exists.
  const cleared = device.run([
    '/usr/bin/busybox',
    'dd',
    'if=/dev/zero',
    `of=${boot.diskDevice}`,
    `bs=${plan.sectorBytes}`,
    `seek=${plan.startSector}`,
    `count=${clearedBytes / plan.sectorBytes}`,
    'conv=notrunc,fsync',
  ]);
  const outcome =
    cleared.exitCode === 0
      ? device.run(['/usr/sbin/sfdisk', '--no-reread', '--append', boot.diskDevice], {
          input: `start=${plan.startSector}, size=${plan.sizeSectors}, type=${partitionTypes.state}, name=${partitionLabels.state}\n`,
        })
      : cleared;
  if (outcome.exitCode !== 0) {
    throw new StateUnusable(`cannot add a partition to ${boot.diskDevice}: ${lastWords(outcome)}`);
  }
  const added = readTable(device, boot).partitiontable.partitions?.find(
    (partition) => partition.name === partitionLabels.state,
  );
  if (added === undefined) {
    throw new StateUnusable(`the partition added to ${boot.diskDevice} is not there`);
  }
  tellKernel(device, boot, partitionNumber(added.node), report);
  report.did(`made partition ${added.node}`);
  return added.node;
}
