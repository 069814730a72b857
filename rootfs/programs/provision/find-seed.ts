import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { identifyFileSystem, signatureBytes } from '../shared/file-system.ts';
import type { Fault } from './fault.ts';

/** The two files of a seed, wherever they come from. */
export interface Seed {
  readonly kind: 'volume' | 'copy';
  /** The block device or folder they were read from. */
  readonly source: string;
  readonly metaData: string;
  readonly userData: string;
}

const mountPoint = `${machineLayout.runtime}/seed`;
const copyFolder = `${machineLayout.state}/provision`;
/**
 * EC2 allows 16 KiB and OpenStack 64; the rest is for files in base64. The worst file of this size takes QuickJS a few
 * seconds.
 */
const limitBytes = 256 * 1024;
const patienceMs = 2000;

/** The volume labelled `cidata`. On a first start it is given a moment to appear. */
export function findSeedVolume(device: Device, isFirstStart: boolean, faults: Fault[]): Seed | undefined {
  const end = device.now() + (isFirstStart ? patienceMs : 0);
  for (;;) {
    const found = findVolume(device);
    if (found !== undefined) {
      return readVolume(device, found, faults);
    }
    if (device.now() >= end) {
      return undefined;
    }
    device.sleep(100);
  }
}

interface Volume {
  readonly node: string;
  readonly type: 'vfat' | 'iso9660';
}

function findVolume(device: Device): Volume | undefined {
  for (const name of device.list('/sys/class/block')) {
    if (/^(dm-|loop|ram|zram|nbd|md)/.test(name)) {
      continue;
    }
    const found = identify(device, `/dev/${name}`);
    if ((found?.kind === 'vfat' || found?.kind === 'iso9660') && found.label.toLowerCase() === 'cidata') {
      return { node: `/dev/${name}`, type: found.kind };
    }
  }
  return undefined;
}

function identify(device: Device, node: string) {
  try {
    const bytes = device.readBytes(node, 0, signatureBytes);
    return bytes && identifyFileSystem(bytes);
  } catch {
    // A drive without a disc, for instance.
    return undefined;
  }
}

function readVolume(device: Device, volume: Volume, faults: Fault[]): Seed | undefined {
  device.makeFolder(mountPoint, 0o700);
  const mounted = device.run([
    'mount',
    '-t',
    volume.type,
    '-o',
    'ro,nodev,nosuid,noexec',
    volume.node,
    mountPoint,
  ]);
  if (mounted.exitCode !== 0) {
    faults.push({ file: 'seed', message: `${volume.node} cannot be mounted: ${mounted.stderr.trim()}` });
    return undefined;
  }
  try {
    const userData = readFile(device, `${mountPoint}/user-data`, faults);
    const metaData = readFile(device, `${mountPoint}/meta-data`, faults);
    return {
      kind: 'volume',
      source: volume.node,
      userData: userData ?? '',
      metaData: metaData ?? '',
    };
  } finally {
    device.run(['umount', mountPoint]);
  }
}

/** Links are not followed: Rock Ridge has them, and they would lead into this machine. */
function readFile(device: Device, path: string, faults: Fault[]): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const status = device.status(path);
  if (status === undefined) {
    faults.push({ file: 'seed', message: `it has no file ${name}` });
    return undefined;
  }
  if (status.type !== 'file' || status.sizeBytes > limitBytes) {
    faults.push({ file: 'seed', message: `${name} must be a plain file of at most ${limitBytes} bytes` });
    return undefined;
  }
  return device.readFile(path, limitBytes);
}

/** What the last seed said that could be used. */
export function readSeedCopy(device: Device): Seed | undefined {
  const userData = device.readFile(`${copyFolder}/user-data`, limitBytes);
  const metaData = device.readFile(`${copyFolder}/meta-data`, limitBytes);
  return userData === undefined || metaData === undefined
    ? undefined
    : { kind: 'copy', source: copyFolder, userData, metaData };
}

export function keepSeedCopy(device: Device, seed: Seed): void {
  const kept = readSeedCopy(device);
  if (kept?.userData !== seed.userData || kept.metaData !== seed.metaData) {
    device.makeFolder(copyFolder, 0o700);
    device.writeFileDurably(`${copyFolder}/user-data`, seed.userData, 0o600);
    device.writeFileDurably(`${copyFolder}/meta-data`, seed.metaData, 0o600);
  }
}
