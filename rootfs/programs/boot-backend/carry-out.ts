import type { BootSlot } from '../../../build/contract/boot-entries.ts';
import type { BootOperation } from '../../../build/contract/boot-plan.ts';
import { readPeSections } from '../../../build/contract/uki-file.ts';
import type { Device } from '../device.ts';
import { must } from './boot-partition.ts';
import { readTrailer, type SlotDevices } from './read-folder.ts';

/** Does one operation after the other; each is on the disk before the next begins. Stops at the first that fails. */
export function carryOut(
  device: Device,
  folderPath: string,
  slotDevices: SlotDevices,
  operations: readonly BootOperation[],
): void {
  for (const operation of operations) {
    switch (operation.do) {
      case 'write':
        writeKernel(device, slotDevices[operation.slot], operation.slot, `${folderPath}/${operation.to}`);
        break;
      case 'rename':
        // rename(2) would replace what is there, and with it give its clusters back.
        if (device.status(`${folderPath}/${operation.to}`) !== undefined) {
          throw new Error(`${operation.to} is there already`);
        }
        device.rename(`${folderPath}/${operation.from}`, `${folderPath}/${operation.to}`);
        break;
      case 'remove':
        device.remove(`${folderPath}/${operation.name}`);
        break;
    }
    flush(device, folderPath);
  }
}

/** Copies the unified kernel image out of a slot and reads it back from the disk, not from memory. */
function writeKernel(device: Device, slotDevice: string, slot: BootSlot, path: string): void {
  const { uki } = readTrailer(device, slotDevice);
  if (device.status(path) !== undefined) {
    throw new Error(`${path} is there already`);
  }
  const copy = [
    ...['dd', `if=${slotDevice}`, `of=${path}`, 'bs=64k', 'iflag=skip_bytes,count_bytes', 'conv=fsync'],
    ...[`skip=${uki.offsetBytes}`, `count=${uki.sizeBytes}`],
  ];
  must(device.run(copy), `write the kernel of slot ${slot} to the EFI system partition`);
  flush(device, path);
  device.writeFile('/proc/sys/vm/drop_caches', '1\n');
  const { sizeBytes } = device.status(path) ?? { sizeBytes: 0 };
  const { stdout } = must(device.run(['sha256sum', path]), 'read the EFI system partition');
  const isWhole = sizeBytes === uki.sizeBytes && stdout.split(' ')[0] === uki.sha256;
  const read = (offsetBytes: number, count: number) =>
    device.readBytes(path, offsetBytes, count) ?? new Uint8Array(0);
  const names = readPeSections(read)?.map(({ name }) => name) ?? [];
  if (isWhole && ['.linux', '.initrd', '.osrel'].every((name) => names.includes(name))) {
    return;
  }
  device.remove(path);
  flush(device, path.slice(0, path.lastIndexOf('/')));
  throw new Error(
    `the kernel of slot ${slot} did not read back from the EFI system partition as it is in the slot`,
  );
}

/**
 * Writes out the whole file system; then fsync(2), for on FAT only that makes the disk empty its own cache too (fs/fat/file.c:
 * fat_file_fsync).
 */
function flush(device: Device, path: string): void {
  must(device.run(['sync', '-f', path]), 'flush the EFI system partition');
  must(device.run(['sync', path]), 'flush the EFI system partition');
}
