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

/** Nothing was done yet; the message says why. */
export class MountFailed extends Error {
  override readonly name = 'MountFailed';
}

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
  return withEsp(device, findPartition(device, disk, partitionLabels.esp), (folder) =>
    work(`${folder}/${espLayout.kernelFolder}`),
  );
}

/** Mounts this partition while `work` runs, which is given the mount point. */
export function withEsp<Result>(
  device: Device,
  partition: string,
  work: (mountPoint: string) => Result,
): Result {
  device.makeFolder(mountPoint, 0o700);
  // One that was killed may have left it there: then it is mounted anew, with the right options.
  device.run(['umount', mountPoint]);
  const mounting = device.run(['mount', '-t', 'vfat', '-o', mountOptions, partition, mountPoint]);
  if (mounting.exitCode !== 0) throw new MountFailed(describe(mounting, `mount ${partition}`));
  let result: Result;
  try {
    result = work(mountPoint);
  } catch (error) {
    device.run(['umount', mountPoint]);
    throw error;
  }
  must(device.run(['umount', mountPoint]), `unmount ${partition}`);
  return result;
}

/** An empty file system, as the builder makes it (build/disk/make-esp.ts) but for its serial number. */
export function makeFileSystem(device: Device, partition: string): void {
  must(device.run(['mkdosfs', '-n', 'ESP', partition]), `make a file system on ${partition}`);
  must(device.run(['sync', partition]), `flush ${partition}`);
}

/**
 * Whether the partition begins with what every FAT file system begins with, as Linux checks it (fs/fat/inode.c: fat_read_bpb).
 * `undefined` when it cannot be read.
 */
export function hasFatHeader(device: Device, partition: string): boolean | undefined {
  const sector = device.readBytes(partition, 0, 512);
  if (sector === undefined || sector.length < 512) return undefined;
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  const isPowerOfTwo = (value: number) => value > 0 && (value & (value - 1)) === 0;
  const sectorBytes = view.getUint16(11, true);
  const media = view.getUint8(21);
  return (
    isPowerOfTwo(sectorBytes) &&
    sectorBytes >= 512 &&
    sectorBytes <= 4096 &&
    isPowerOfTwo(view.getUint8(13)) &&
    view.getUint16(14, true) > 0 &&
    view.getUint8(16) > 0 &&
    (media >= 0xf8 || media === 0xf0)
  );
}

/** Throws with the last line of what a command said. */
export function must(outcome: CommandOutcome, what: string): CommandOutcome {
  if (outcome.exitCode === 0) {
    return outcome;
  }
  throw new Error(describe(outcome, what));
}

function describe({ stdout, stderr, exitCode }: CommandOutcome, what: string): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return `cannot ${what}: ${lines.at(-1)?.trim() ?? `exit code ${exitCode}`}`;
}
