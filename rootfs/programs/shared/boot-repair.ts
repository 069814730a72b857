import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/** What the look at the EFI system partition in this boot found, in sentences without a full stop. */
export interface BootRepair {
  readonly format: 1;
  readonly done: readonly string[];
  /** What could not be mended: the machine may not start again. */
  readonly faults: readonly string[];
}

const path = `${machineLayout.runtime}/boot-repair.json`;

export function writeBootRepair(device: Device, repair: BootRepair): void {
  device.writeFile(path, `${JSON.stringify(repair)}\n`);
}

/** `undefined` while there has been no look in this boot. */
export function readBootRepair(device: Device): BootRepair | undefined {
  try {
    const text = device.readFile(path);
    return text === undefined ? undefined : (JSON.parse(text) as BootRepair);
  } catch {
    return undefined;
  }
}
