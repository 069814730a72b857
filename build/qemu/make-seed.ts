import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workshop } from '../tools/workshop.ts';

export interface SeedOptions {
  /** The seed is made in this folder. */
  readonly folder: string;
  readonly userData: string;
  readonly metaData: string;
}

/** Room for FAT's own tables beside the two files. */
const overheadKiB = 512;

/**
 * A NoCloud seed (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html): a FAT volume
 * labelled `cidata` with `user-data` and `meta-data`. The path of the volume.
 */
export async function makeSeed(workshop: Workshop, options: SeedOptions): Promise<string> {
  const { folder, userData, metaData } = options;
  const tools = await workshop.openTools('image');
  const path = join(folder, 'seed.img');
  await mkdir(folder, { recursive: true });
  await rm(path, { force: true });
  const sources = [join(folder, 'user-data'), join(folder, 'meta-data')];
  await writeFile(join(folder, 'user-data'), userData);
  await writeFile(join(folder, 'meta-data'), metaData);
  const sizes = await Promise.all(sources.map(async (source) => (await stat(source)).size));
  const sizeKiB = overheadKiB + Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
  const writable = [folder];
  await tools.run({
    file: '/usr/sbin/mkfs.vfat',
    arguments: ['-C', '-n', 'cidata', path, String(sizeKiB)],
    writable,
  });
  await tools.run({ file: '/usr/bin/mcopy', arguments: ['-i', path, ...sources, '::/'], writable });
  return path;
}
