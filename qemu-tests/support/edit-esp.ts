import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFat, readFatFile } from '../../build/boot/read-fat.ts';
import { writePartition } from './edit-disk.ts';
import { partitionOf, readBytes } from './partitions.ts';
import type { TestMachine } from './test-machine.ts';
import { artefactOf } from './test-workshop.ts';

/** The EFI system partition of a disk as it was built. */
export async function readEsp(diskPath: string): Promise<Buffer> {
  const { offsetBytes, sizeBytes } = await partitionOf(diskPath, 'esp');
  return readBytes(diskPath, offsetBytes, sizeBytes);
}

/** A file of such a partition, by its path. */
export function readEspFile(esp: Buffer, path: string): Buffer {
  const read = (offset: number, size: number) => esp.subarray(offset, offset + size);
  const entry = readFat(read).find((each) => each.path === path);
  if (entry === undefined) throw new Error(`the EFI system partition has no ${path}`);
  return Buffer.from(readFatFile(read, entry));
}

/**
 * Gives a machine that is off the EFI system partition that it was built with, but for these files (`undefined`: it is not
 * there) and what `patch` does to the bytes of the whole, which come back.
 */
export async function changeEsp(
  machine: TestMachine,
  files: Readonly<Record<string, Uint8Array | undefined>>,
  patch: (esp: Buffer) => void = () => {},
): Promise<Buffer> {
  const { folder } = machine.files;
  const esp = join(folder, 'esp.fat');
  const file = join(folder, 'file');
  await writeFile(esp, await readEsp(artefactOf(machine.build, 'disk', 'raw').path));
  const tools = await machine.workshop.openTools('image');
  for (const [path, content] of Object.entries(files)) {
    if (content === undefined) {
      await tools.run({ file: '/usr/bin/mdel', arguments: ['-i', esp, `::${path}`], writable: [folder] });
      continue;
    }
    await writeFile(file, content);
    await tools.run({
      file: '/usr/bin/mcopy',
      arguments: ['-o', '-i', esp, file, `::${path}`],
      writable: [folder],
    });
    await rm(file);
  }
  const bytes = await readFile(esp);
  patch(bytes);
  await writePartition(machine, 'esp', bytes);
  await rm(esp);
  return bytes;
}
