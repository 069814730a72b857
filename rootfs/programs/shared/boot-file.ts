import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/** `/run/keelson/boot.json`, written by rootfs/initramfs/init. */
export interface BootFile {
  readonly format: 1;
  readonly slot: 'a' | 'b';
  readonly askedSlot: 'a' | 'b';
  readonly rootHash: string;
  readonly version: string;
  /** Names as in /sys/class/block, such as `vda2` and `vda`. */
  readonly partition: string;
  readonly disk: string;
  readonly device: string;
  readonly diskDevice: string;
  /** Starts of this slot before this one that did not prove healthy, one after the other. */
  readonly unclean: number;
  readonly refused: readonly { readonly partition: string; readonly reason: string }[];
}

/** `undefined` when the machine was not started by our initramfs. */
export function readBootFile(device: Device): BootFile | undefined {
  const text = device.readFile(machineLayout.bootFile);
  return text === undefined ? undefined : (JSON.parse(text) as BootFile);
}
