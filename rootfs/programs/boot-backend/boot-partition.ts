import { espLayout, machineLayout, partitionLabels } from '../../../build/contract/machine-layout.ts';
import { listPartitions } from '../../../build/contract/partition-table.ts';
import type { CommandOutcome, Device } from '../device.ts';
import { partitionNode, readDiskTable } from '../shared/partition-table/disk-table.ts';

const mountPoint = `${machineLayout.runtime}/esp`;

/**
 * `dirsync`: each change of a name is written before the next. `errors=continue`: after a rename that was cut off, two names
 * share clusters, and the second to be deleted is an error that must not make the partition read-only.
 */
const mountOptions = 'dirsync,umask=077,nodev,nosuid,noexec,noatime,errors=continue';

/** The device of the disk's partition with this label, such as `/dev/vda1`; names as in /sys/class/block. */
export function findPartition(device: Device, disk: string, label: string): string {
  const folder = `/sys/block/${disk}`;
  for (const name of device.list(folder)) {
    const uevent = device.readFile(`${folder}/${name}/uevent`) ?? '';
    if (uevent.split('\n').includes(`PARTNAME=${label}`)) {
      return `/dev/${name}`;
    }
  }
  // The kernel knows no names of partitions that were moved since it started.
  const table = readDiskTable(device, disk)?.table;
  const found = table && listPartitions(table).find((partition) => partition.label === label);
  if (found !== undefined) return partitionNode(disk, found.number);
  throw new Error(`disk ${disk} has no partition ${label}`);
}

/** Mounts the EFI system partition while `work` runs, which is given the folder of unified kernel images. */
export function withBootPartition<Result>(
  device: Device,
  disk: string,
  work: (folderPath: string) => Result,
): Result {
  const partition = findPartition(device, disk, partitionLabels.esp);
  device.makeFolder(mountPoint, 0o700);
  // One that was killed may have left it there: then it is mounted anew, with the right options.
  device.run(['umount', mountPoint]);
  must(device.run(['mount', '-t', 'vfat', '-o', mountOptions, partition, mountPoint]), `mount ${partition}`);
  let result: Result;
  try {
    result = work(`${mountPoint}/${espLayout.kernelFolder}`);
  } catch (error) {
    device.run(['umount', mountPoint]);
    throw error;
  }
  must(device.run(['umount', mountPoint]), `unmount ${partition}`);
  return result;
}

/** Throws with the last line of what a command said. */
export function must(outcome: CommandOutcome, what: string): CommandOutcome {
  if (outcome.exitCode === 0) {
    return outcome;
  }
  const lines = `${outcome.stdout}\n${outcome.stderr}`.split('\n').filter((line) => line.trim() !== '');
  throw new Error(`cannot ${what}: ${lines.at(-1)?.trim() ?? `exit code ${outcome.exitCode}`}`);
}
