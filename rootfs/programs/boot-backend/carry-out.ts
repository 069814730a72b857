import type { BootOperation } from '../../../build/contract/boot-plan.ts';
import type { ReplaceOperation } from '../../../build/contract/replace-plan.ts';
import { readPeSections } from '../../../build/contract/uki-file.ts';
import type { Device } from '../device.ts';
import { must } from './boot-partition.ts';
import { digestFile } from './digest-file.ts';
import { readTrailer, type SlotDevices } from './read-folder.ts';

type Operation = BootOperation | ReplaceOperation;
type Write<Each extends Operation> = Extract<Each, { readonly do: 'write' }>;

/** Does one operation after the other; each is on the disk before the next begins. Stops at the first that fails. */
export function carryOut<Each extends Operation>(
  device: Device,
  folderPath: string,
  operations: readonly Each[],
  write: (operation: Write<Each>, path: string) => void,
): void {
  const isThere = (name: string) => device.status(`${folderPath}/${name}`) !== undefined;
  for (const operation of operations) {
    switch (operation.do) {
      case 'write':
        if (isThere(operation.to)) throw new Error(`${folderPath}/${operation.to} is there already`);
        write(operation as Write<Each>, `${folderPath}/${operation.to}`);
        break;
      case 'rename':
        // rename(2) would replace what is there, and with it give its clusters back.
        if (isThere(operation.to)) throw new Error(`${operation.to} is there already`);
        device.rename(`${folderPath}/${operation.from}`, `${folderPath}/${operation.to}`);
        break;
      case 'exchange': {
        const { one, other } = operation;
        must(
          device.run(['exch', `${folderPath}/${one}`, `${folderPath}/${other}`]),
          `exchange ${one} and ${other} on the EFI system partition`,
        );
        break;
      }
      case 'remove':
        device.remove(`${folderPath}/${operation.name}`);
        break;
    }
    flush(device, folderPath);
  }
}

/** Writes the kernel image that an operation asks for, out of its slot. */
export function kernelWriter(device: Device, slotDevices: SlotDevices) {
  return ({ slot }: Write<BootOperation>, path: string): void => {
    const { uki } = readTrailer(device, slotDevices[slot]);
    const extent = [`skip=${uki.offsetBytes}`, `count=${uki.sizeBytes}`];
    const isKernel = () => {
      const read = (offsetBytes: number, count: number) =>
        device.readBytes(path, offsetBytes, count) ?? new Uint8Array(0);
      const names = readPeSections(read)?.map(({ name }) => name) ?? [];
      return ['.linux', '.initrd', '.osrel'].every((name) => names.includes(name));
    };
    copyAndCheck(device, path, {
      what: `the kernel of slot ${slot}`,
      origin: 'in the slot',
      arguments: [`if=${slotDevices[slot]}`, 'bs=64k', 'iflag=skip_bytes,count_bytes', ...extent],
      sizeBytes: uki.sizeBytes,
      sha256: uki.sha256,
      isRight: isKernel,
    });
  };
}

export interface Copy {
  readonly what: string;
  readonly origin: string;
  /** Of dd(1). */
  readonly arguments: readonly string[];
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly isRight?: () => boolean;
}

/** Copies to a new file and reads it back from the disk, not from memory; a copy that is wrong is removed again. */
export function copyAndCheck(device: Device, path: string, copy: Copy): void {
  const command = ['dd', ...copy.arguments, `of=${path}`, 'conv=fsync'];
  const outcome = device.run(command);
  if (outcome.exitCode === 0) {
    flush(device, path);
    device.writeFile('/proc/sys/vm/drop_caches', '1\n');
    const { sizeBytes } = device.status(path) ?? { sizeBytes: 0 };
    const sha256 = digestFile(device, path);
    if (sizeBytes === copy.sizeBytes && sha256 === copy.sha256 && (copy.isRight?.() ?? true)) return;
  }
  device.remove(path);
  flush(device, path.slice(0, path.lastIndexOf('/')));
  must(outcome, `write ${copy.what} to the EFI system partition`);
  throw new Error(`${copy.what} did not read back from the EFI system partition as it is ${copy.origin}`);
}

/**
 * Writes out the whole file system; then fsync(2), for on FAT only that makes the disk empty its own cache too (fs/fat/file.c:
 * fat_file_fsync).
 */
export function flush(device: Device, path: string): void {
  must(device.run(['sync', '-f', path]), 'flush the EFI system partition');
  must(device.run(['sync', path]), 'flush the EFI system partition');
}
