import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import { openFileSystem, repairFileSystem } from './open-file-system.ts';
import { openPartition } from './open-partition.ts';
import { lastWords, StateReport } from './report.ts';
import { setClock } from './set-clock.ts';

/** Folders of state that are the machine's own; those of services are made by the engine. */
const folders = [
  { name: 'services', mode: 0o711 },
  { name: 'log', mode: 0o755 },
  { name: 'provision', mode: 0o700 },
  { name: 'home', mode: 0o755 },
  { name: 'root-home', mode: 0o700 },
] as const;

/** Places of the read-only root that are state in truth. */
const bindMounts = [
  { folder: 'home', target: '/home' },
  { folder: 'root-home', target: '/root' },
  { folder: 'log', target: '/var/log' },
] as const;

/**
 * Mounts the state partition, or memory in its place: a machine without its state must still start and be reached.
 * Never throws.
 */
export function setUpState(device: Device): void {
  const report = new StateReport(device);
  try {
    setClock(device);
    const boot = readBootFile(device);
    if (boot === undefined) {
      throw new Error(`${machineLayout.bootFile} is missing`);
    }
    const partition = openPartition(device, boot, report);
    openFileSystem(device, partition, report);
    const name = partition.slice(partition.lastIndexOf('/') + 1);
    const sizeBytes = Number(device.readFile(`/sys/class/block/${name}/size`) ?? '0') * 512;
    try {
      makeFolders(device);
    } catch {
      repairFileSystem(device, partition, report);
      makeFolders(device);
    }
    bindFolders(device, report);
    report.write({ kind: 'disk', device: partition, sizeBytes });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report.note(`there is no state in this boot: ${reason}`);
    useMemory(device, report);
    report.write({ kind: 'memory', reason });
  }
}

function useMemory(device: Device, report: StateReport): void {
  // Whatever was mounted before the failure must not shine through.
  device.run(['umount', machineLayout.state]);
  const outcome = device.run([
    'mount',
    '-t',
    'tmpfs',
    '-o',
    'noatime,nodev,nosuid,mode=0755,size=50%',
    'state',
    machineLayout.state,
  ]);
  if (outcome.exitCode !== 0) {
    report.note(`cannot mount memory on ${machineLayout.state}: ${lastWords(outcome)}`);
  }
  try {
    makeFolders(device);
  } catch (error) {
    report.note(error instanceof Error ? error.message : String(error));
  }
  bindFolders(device, report);
}

function makeFolders(device: Device): void {
  for (const { name, mode } of folders) {
    device.makeFolder(`${machineLayout.state}/${name}`, mode);
  }
}

function bindFolders(device: Device, report: StateReport): void {
  for (const { folder, target } of bindMounts) {
    const outcome = device.run(['mount', '-o', 'bind', `${machineLayout.state}/${folder}`, target]);
    if (outcome.exitCode !== 0) {
      report.note(`cannot make ${target} writable: ${lastWords(outcome)}`);
    }
  }
}
