import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readFat } from '../boot/read-fat.ts';
import { partitionLabels } from '../contract/machine-layout.ts';
import { readSlotTrailer } from '../contract/slot-layout.ts';
import type { PartitionExtent } from '../disk/disk-image.ts';
import { type DiskReader, readGpt } from '../disk/read-gpt.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { ShownDisk, ShownSlot } from './shown.ts';

/** What is on a raw disk, read from the disk alone: partition table, slots, boot files. */
export async function showDisk(_workshop: Workshop, path: string): Promise<ShownDisk> {
  const file = openDisk(path);
  try {
    const diskBytes = fstatSync(file).size;
    const read: DiskReader = (offsetBytes, sizeBytes) => {
      if (offsetBytes >= diskBytes) return Buffer.alloc(0);
      const bytes = Buffer.alloc(sizeBytes);
      return bytes.subarray(0, readSync(file, bytes, 0, sizeBytes, offsetBytes));
    };
    if (read(0, 4).toString('latin1') === 'QFI\xfb') throw notRaw(path);
    const table = readGpt(path, diskBytes, read);
    const find = (label: string) => table.partitions.find((partition) => partition.label === label);
    const esp = find(partitionLabels.esp);
    const slots = [
      { slot: 'a', partition: find(partitionLabels.slotA) },
      { slot: 'b', partition: find(partitionLabels.slotB) },
    ] as const;
    return {
      subject: 'disk',
      path,
      sizeBytes: diskBytes,
      ...table,
      slots: slots.flatMap(({ slot, partition }) =>
        partition ? [showSlot(slot, within(partition, read))] : [],
      ),
      bootFiles: esp === undefined ? [] : listBootFiles(path, within(esp, read)),
    };
  } finally {
    closeSync(file);
  }
}

/** Reads inside one partition: what its content says can never lead outside of it. */
function within(partition: PartitionExtent, read: DiskReader): DiskReader {
  return (offsetBytes, sizeBytes) => {
    const rest = Math.max(0, partition.sizeBytes - offsetBytes);
    return read(partition.offsetBytes + offsetBytes, Math.min(sizeBytes, rest));
  };
}

function showSlot(slot: 'a' | 'b', read: DiskReader): ShownSlot {
  if (read(0, 4096).every((byte) => byte === 0)) return { slot, state: 'empty' };
  try {
    const trailer = readSlotTrailer(read);
    const hash = createHash('sha256');
    const chunkBytes = 1024 * 1024;
    for (let done = 0; done < trailer.uki.sizeBytes; done += chunkBytes) {
      const size = Math.min(chunkBytes, trailer.uki.sizeBytes - done);
      hash.update(read(trailer.uki.offsetBytes + done, size));
    }
    return { slot, state: 'written', trailer, isKernelIntact: hash.digest('hex') === trailer.uki.sha256 };
  } catch (error) {
    return { slot, state: 'damaged', reason: (error as Error).message };
  }
}

function listBootFiles(path: string, read: DiskReader) {
  try {
    return readFat(read)
      .filter((entry) => !entry.isFolder)
      .map(({ path, sizeBytes }) => ({ path, sizeBytes }));
  } catch (cause) {
    throw new KeelsonError({
      code: 'DISK_INVALID',
      class: 'input',
      message: `Cannot read the EFI system partition of ${path}: ${(cause as Error).message}`,
      place: { file: path },
      hint: 'Build or copy the disk again.',
      cause,
    });
  }
}

function openDisk(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new KeelsonError({
      code: 'DISK_UNREADABLE',
      class: 'input',
      message: `Cannot open the disk ${path}`,
      place: { file: path },
      hint: 'Check the path and whether you may read the file.',
      cause,
    });
  }
}

function notRaw(path: string): KeelsonError {
  return new KeelsonError({
    code: 'DISK_INVALID',
    class: 'input',
    message: `Cannot read the disk ${path}: it is qcow2, not raw`,
    place: { file: path },
    hint: 'Give the .raw file of the same build.',
  });
}
