import { type BootSlot, parseBootName } from '../../../build/contract/boot-entries.ts';
import {
  type BootFolder,
  type BootOperation,
  otherSlot,
  planRepair,
  planRepairOther,
} from '../../../build/contract/boot-plan.ts';
import { espLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { type BootRepair, writeBootRepair } from '../shared/boot-repair.ts';
import { tellConsole } from '../shared/console.ts';
import { hasFatHeader, MountFailed, makeFileSystem, withEsp } from './boot-partition.ts';
import { carryOut, flush, kernelWriter } from './carry-out.ts';
import { digestFile } from './digest-file.ts';
import { examineFolder, type SlotDevices } from './read-folder.ts';
import { listBootFiles, replaceFile } from './replace-file.ts';

/** One round writes, the next reads what was written through a fresh mount; more are needed when chains of files crossed. */
const mostRounds = 3;

export interface RepairRequest {
  readonly running: BootSlot;
  readonly partition: string;
  readonly slots: SlotDevices;
}

/**
 * Makes the EFI system partition what the version that runs would have written: boot loader, settings and addons from the root,
 * kernel images from their slots. What it did and could not do is printed, told on the console and kept for keelctl.
 */
export function repairBootPartition(device: Device, request: RepairRequest): BootRepair {
  const done: string[] = [];
  let faults: readonly string[] = [];
  for (let round = 1; round <= mostRounds; round++) {
    const result = repairOnce(device, request);
    done.push(...result.done.filter((line) => !done.includes(line)));
    faults = result.faults;
    if (result.done.length === 0) break;
    if (round === mostRounds) faults = [...faults, 'the EFI system partition does not stay as it is written'];
  }
  const repair: BootRepair = { format: 1, done, faults };
  writeBootRepair(device, repair);
  for (const line of done) tellConsole(device, `boot files: ${line}`);
  for (const line of faults) tellConsole(device, `the machine may not start again: ${line}`);
  return repair;
}

type Round = Pick<BootRepair, 'done' | 'faults'>;

function repairOnce(device: Device, request: RepairRequest): Round {
  try {
    return withEsp(device, request.partition, (mountPoint) => repairMounted(device, mountPoint, request));
  } catch (error) {
    const isLost = error instanceof MountFailed && hasFatHeader(device, request.partition) === false;
    return isLost ? rebuild(device, request, messageOf(error)) : { done: [], faults: [messageOf(error)] };
  }
}

/**
 * What has not even the header of a FAT file system does not start a machine: nothing is lost with it. Where there is one, the
 * mount may have failed for another reason, such as that somebody else has mounted it.
 */
function rebuild(device: Device, request: RepairRequest, reason: string): Round {
  try {
    makeFileSystem(device, request.partition);
    const { done, faults } = withEsp(device, request.partition, (mountPoint) =>
      repairMounted(device, mountPoint, request),
    );
    return { done: [`the EFI system partition was made anew (${reason})`, ...done], faults };
  } catch (error) {
    return { done: [], faults: [reason, messageOf(error)] };
  }
}

/** Each part by itself: that one cannot be mended is no reason to leave the next one as it is. */
function repairMounted(device: Device, mountPoint: string, request: RepairRequest): Round {
  const done: string[] = [];
  const faults: string[] = [];
  const attempt = (action: () => string | undefined) => {
    try {
      const line = action();
      if (line !== undefined) done.push(line);
    } catch (error) {
      faults.push(messageOf(error));
    }
  };
  const { running, slots } = request;
  const folderPath = `${mountPoint}/${espLayout.kernelFolder}`;
  const isNew = device.status(folderPath) === undefined;
  attempt(() => {
    if (isNew) {
      device.makeFolder(folderPath);
      flush(device, folderPath);
    }
    return undefined;
  });
  const repairKernel = (slot: BootSlot, plan: (folder: BootFolder) => readonly BootOperation[]) =>
    attempt(() => {
      const operations = plan(examineFolder(device, folderPath, running, slots));
      carryOut(device, folderPath, operations, kernelWriter(device, slots));
      if (operations.length === 0) return undefined;
      const isWritten = operations.some((operation) => operation.do === 'write');
      return isWritten
        ? `the kernel of slot ${slot} was written again from its slot`
        : `leftovers in ${espLayout.kernelFolder} were removed`;
    });
  repairKernel(running, planRepair);
  for (const path of listBootFiles(device)) attempt(() => replaceFile(device, mountPoint, path));
  repairKernel(otherSlot(running), (folder) => planRepairOther(folder, isNew));
  attempt(() => removeStrangers(device, folderPath));
  return { done, faults };
}

/**
 * The boot loader would list a stranger's kernel, and names that nobody expects make the folder larger than the one sector that
 * makes its renames safe. What has the content of a file of ours may share its clusters, and stays.
 */
function removeStrangers(device: Device, folderPath: string): string | undefined {
  const names = device
    .list(folderPath)
    .filter((name) => device.status(`${folderPath}/${name}`)?.type === 'file');
  const strangers = names.filter((name) => parseBootName(name) === undefined);
  if (strangers.length === 0) return undefined;
  const ours = names
    .filter((name) => !strangers.includes(name))
    .map((name) => digestFile(device, `${folderPath}/${name}`));
  const gone = strangers.filter((name) => {
    const sha256 = digestFile(device, `${folderPath}/${name}`);
    return sha256 === undefined || !ours.includes(sha256);
  });
  for (const name of gone) {
    device.remove(`${folderPath}/${name}`);
    flush(device, folderPath);
  }
  return gone.length === 0 ? undefined : `${gone.join(', ')} in ${espLayout.kernelFolder} was removed`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
