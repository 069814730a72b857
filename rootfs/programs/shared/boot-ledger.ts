import {
  type BootLedger,
  formatLedger,
  ledgerBlock,
  parseLedger,
} from '../../../build/contract/boot-ledger.ts';
import { slotBlockBytes } from '../../../build/contract/slot-layout.ts';
import type { CommandOutcome, Device } from '../device.ts';

/** `partition` is a device such as `/dev/vda2`. `undefined` when nothing is said, or nothing can be read. */
export function readLedger(device: Device, partition: string): BootLedger | undefined {
  try {
    const offset = blockOf(device, partition) * slotBlockBytes;
    const block = device.readBytes(partition, offset, slotBlockBytes);
    return block === undefined ? undefined : parseLedger(block);
  } catch {
    return undefined;
  }
}

/** On the disk when this returns. */
export function writeLedger(device: Device, partition: string, ledger: BootLedger): void {
  check(partition, writeBlock(device, partition, formatLedger(ledger)));
}

export function clearLedger(device: Device, partition: string): void {
  check(partition, writeBlock(device, partition, '\n'));
}

/** Padded with zeros to one block; nothing else of the partition is touched. */
function writeBlock(device: Device, partition: string, text: string): CommandOutcome {
  const place = [`bs=${slotBlockBytes}`, `seek=${blockOf(device, partition)}`, 'count=1'];
  return device.run(['dd', `of=${partition}`, ...place, 'conv=sync,fsync,notrunc'], { input: text });
}

function blockOf(device: Device, partition: string): number {
  const size = device.readFile(`/sys/class/block/${partition.slice('/dev/'.length)}/size`);
  const sectors = Number(size?.trim());
  if (!Number.isSafeInteger(sectors) || sectors < 16) throw new Error(`${partition} has no known size`);
  return ledgerBlock(sectors);
}

function check(partition: string, { exitCode, stderr }: CommandOutcome): void {
  if (exitCode !== 0) throw new Error(`cannot write the ledger of ${partition}: ${stderr.trim()}`);
}
