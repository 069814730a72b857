import { type BootSlot, bootSlots } from '../../../build/contract/boot-entries.ts';
import {
  getPrimary,
  getState,
  planCollect,
  planSetPrimary,
  planSetState,
} from '../../../build/contract/boot-plan.ts';
import { partitionLabels } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import { findPartition, withBootPartition } from './boot-partition.ts';
import { carryOut, kernelWriter } from './carry-out.ts';
import { readFolder } from './read-folder.ts';
import { repairBootPartition } from './repair.ts';

const usage = `Use: boot-backend get-primary
     boot-backend set-primary a|b
     boot-backend get-state a|b
     boot-backend set-state a|b good|bad
     boot-backend get-current
     boot-backend collect | repair`;

/**
 * RAUC's custom boot-loader backend
 * (https://rauc.readthedocs.io/en/v1.13/integration.html#custom-bootloader-backend-interface) for systemd-boot and its boot
 * counting. What it answers goes to standard output, one word; exit code 0 means that what was asked for is on the disk.
 */
export function runBootBackend(device: Device): void {
  try {
    for (const line of answer(device, device.arguments)) {
      device.print(line);
    }
  } catch (error) {
    device.printError(`boot-backend: ${error instanceof Error ? error.message : String(error)}`);
    device.exit(1);
  }
}

function answer(device: Device, [verb, slot, state, ...more]: readonly string[]): readonly string[] {
  const boot = readBootFile(device);
  if (boot === undefined) {
    throw new Error('this machine was not started by its own initramfs: nobody knows which slot runs');
  }
  const { slot: running, disk } = boot;
  const request = parseRequest(verb, slot, state, more);
  if (request.verb === 'get-current') {
    return [running];
  }
  const slots = { a: findPartition(device, disk, 'root-a'), b: findPartition(device, disk, 'root-b') };
  if (request.verb === 'repair') {
    const partition = findPartition(device, disk, partitionLabels.esp);
    const { done, faults } = repairBootPartition(device, { running, partition, slots });
    if (faults.length > 0) throw new Error(faults.join('; '));
    return done;
  }
  return withBootPartition(device, disk, (folderPath) => {
    const folder = readFolder(device, folderPath, running, slots);
    const change = (operations: ReturnType<typeof planCollect>): readonly string[] => {
      carryOut(device, folderPath, operations, kernelWriter(device, slots));
      return [];
    };
    switch (request.verb) {
      case 'get-primary': {
        const primary = getPrimary(folder);
        if (primary === undefined) {
          throw new Error('the EFI system partition has nothing to boot');
        }
        return [primary];
      }
      case 'get-state':
        return [getState(folder, request.slot)];
      case 'set-state':
        return change(planSetState(folder, request.slot, request.state));
      case 'set-primary':
        return change(planSetPrimary(folder, request.slot));
      default:
        return change(planCollect(folder));
    }
  });
}

type Request =
  | { readonly verb: 'get-current' | 'get-primary' | 'collect' | 'repair' }
  | { readonly verb: 'get-state' | 'set-primary'; readonly slot: BootSlot }
  | { readonly verb: 'set-state'; readonly slot: BootSlot; readonly state: 'good' | 'bad' };

function parseRequest(
  verb: string | undefined,
  slot: string | undefined,
  state: string | undefined,
  more: readonly string[],
): Request {
  const isAlone = slot === undefined;
  const knownSlot = bootSlots.find((each) => each === slot);
  const isOver = more.length === 0;
  if (
    (verb === 'get-current' || verb === 'get-primary' || verb === 'collect' || verb === 'repair') &&
    isAlone
  ) {
    return { verb };
  }
  if ((verb === 'get-state' || verb === 'set-primary') && knownSlot !== undefined && state === undefined) {
    return { verb, slot: knownSlot };
  }
  if (verb === 'set-state' && knownSlot !== undefined && (state === 'good' || state === 'bad') && isOver) {
    return { verb, slot: knownSlot, state };
  }
  throw new Error(
    `cannot do "${[verb, slot, state, ...more].filter((word) => word !== undefined).join(' ')}"\n${usage}`,
  );
}
