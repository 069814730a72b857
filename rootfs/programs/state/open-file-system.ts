import { machineLayout, partitionLabels } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { type FileSystem, identifyFileSystem, signatureBytes } from '../shared/file-system.ts';
import { lastWords, type StateReport, StateUnusable } from './report.ts';

/** e2fsck(8): 1 and 2 mean that faults were found and put right. */
const e2fsckLimit = 2;

/** A sound, mounted file system as large as its partition. Data that could be somebody's is never overwritten. */
export function openFileSystem(device: Device, partition: string, report: StateReport): void {
  const found = identify(device, partition);
  if (found.kind === 'blank') {
    makeFileSystem(device, partition, report);
  } else if (found.kind !== 'ext4') {
    throw new StateUnusable(`${partition} holds something that is not ext4; it is left as it is`);
  } else if (!check(device, partition, report)) {
    if (found.wasMounted) {
      throw new StateUnusable(`${partition} has faults that e2fsck cannot put right; it is left as it is`);
    }
    // Nothing can be in it: the power went away while it was made.
    makeFileSystem(device, partition, report);
  }
  mount(device, partition);
  resize(device, partition, report);
}

function identify(device: Device, partition: string): FileSystem {
  const bytes = device.readBytes(partition, 0, signatureBytes);
  if (bytes === undefined || bytes.length === 0) {
    throw new StateUnusable(`${partition} cannot be read`);
  }
  return identifyFileSystem(bytes);
}

function makeFileSystem(device: Device, partition: string, report: StateReport): void {
  const outcome = device.run([
    '/usr/sbin/mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    // The same block size whatever the partition's size is, which may grow a hundredfold.
    '-b',
    '4096',
    '-m',
    '1',
    // After damage e2fsck gives the orphan file's inode to a folder, which the kernel then refuses (seen with 1.47.2).
    '-O',
    '^orphan_file',
    '-L',
    partitionLabels.state,
    // The kernel clears the tables later, in the background.
    '-E',
    'nodiscard,lazy_itable_init=1,lazy_journal_init=1',
    partition,
  ]);
  if (outcome.exitCode !== 0) {
    throw new StateUnusable(`cannot make a file system on ${partition}: ${lastWords(outcome)}`);
  }
  report.did(`made a file system on ${partition}`);
}

/** First what is safe without a question, then everything that can be put right. */
function check(device: Device, partition: string, report: StateReport): boolean {
  const careful = device.run(['/usr/sbin/e2fsck', '-p', partition]);
  if (careful.exitCode > e2fsckLimit) {
    return checkThoroughly(device, partition, report);
  }
  if (careful.exitCode > 0) {
    report.did(`repaired ${partition}`);
  }
  return true;
}

function checkThoroughly(device: Device, partition: string, report: StateReport): boolean {
  report.note(`${partition} is damaged`);
  const thorough = device.run(['/usr/sbin/e2fsck', '-f', '-y', partition]);
  if (thorough.exitCode > e2fsckLimit) {
    report.note(`e2fsck: ${lastWords(thorough)}`);
    return false;
  }
  report.did(`repaired ${partition}; files may be in lost+found`);
  return true;
}

/** For faults that only use brings to light, with the file system mounted. */
export function repairFileSystem(device: Device, partition: string, report: StateReport): void {
  device.run(['umount', machineLayout.state]);
  if (!checkThoroughly(device, partition, report)) {
    throw new StateUnusable(`${partition} has faults that e2fsck cannot put right; it is left as it is`);
  }
  mount(device, partition);
}

function mount(device: Device, partition: string): void {
  device.makeFolder(machineLayout.state);
  const outcome = device.run([
    'mount',
    '-t',
    'ext4',
    '-o',
    'noatime,nodev,nosuid',
    partition,
    machineLayout.state,
  ]);
  if (outcome.exitCode !== 0) {
    throw new StateUnusable(`cannot mount ${partition}: ${lastWords(outcome)}`);
  }
}

/** While it is mounted: the kernel grows it group by group, each a transaction of its journal. */
function resize(device: Device, partition: string, report: StateReport): void {
  const found = identify(device, partition);
  const name = partition.slice(partition.lastIndexOf('/') + 1);
  const partitionBytes = Number(device.readFile(`/sys/class/block/${name}/size`) ?? '0') * 512;
  if (found.kind !== 'ext4' || partitionBytes - found.sizeBytes < 1024 * 1024) {
    return;
  }
  const outcome = device.run(['/usr/sbin/resize2fs', partition]);
  if (outcome.exitCode === 0) {
    report.did(`grew the file system on ${partition} to ${partitionBytes} bytes`);
  } else {
    report.note(`cannot grow the file system on ${partition}: ${lastWords(outcome)}`);
  }
}
