import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Workshop } from '../../build/tools/workshop.ts';

/** Room for FAT's own tables. */
const overheadKiB = 4096;

/** A FAT volume with these files at its top, as a person would copy them to a stick. */
export async function makeStick(workshop: Workshop, path: string, files: readonly string[]): Promise<void> {
  const tools = await workshop.openTools('image');
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const sizeKiB = overheadKiB + Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await tools.run({
    file: '/usr/sbin/mkfs.vfat',
    arguments: ['-C', '-n', 'UPDATES', path, String(sizeKiB)],
    writable: [dirname(path)],
  });
  await tools.run({
    file: '/usr/bin/mcopy',
    arguments: ['-i', path, ...files, '::/'],
    writable: [dirname(path)],
    readOnly: [...new Set(files.map((file) => dirname(file)))].filter((folder) => folder !== dirname(path)),
  });
}
