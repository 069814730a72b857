import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { posix } from 'node:path';
import { lintEsp } from '../boot/lint-esp.ts';
import type { BootFiles } from '../boot/unified-kernel-image.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';

/** The first second that FAT can write down; mtools takes it for every file and folder. */
const fatEpochSeconds = Date.UTC(1980, 0, 1) / 1000;

/**
 * Makes a FAT32 file system of 512-byte clusters with the boot files in it at `path`, and reads it back. Folders and
 * files are made one by one in sorted order, so that the entries have an order too.
 */
export async function makeEsp(
  tools: ToolsTree,
  folder: string,
  path: string,
  sizeBytes: number,
  guid: string,
  bootFiles: BootFiles,
): Promise<void> {
  const file = await open(path, 'wx');
  await file.truncate(sizeBytes);
  await file.close();
  const serial = createHash('sha256').update(guid).digest('hex').slice(0, 8);
  await tools.run({
    file: '/usr/sbin/mkfs.vfat',
    arguments: ['--invariant', '-F', '32', '-s', '1', '-S', '512', '-i', serial, '-n', 'ESP', path],
    writable: [folder],
  });
  const environment = { SOURCE_DATE_EPOCH: String(fatEpochSeconds) };
  await tools.run({
    file: '/usr/bin/mmd',
    arguments: ['-i', path, ...foldersOf(bootFiles).map((name) => `::${name}`)],
    writable: [folder],
    environment,
  });
  for (const { path: name, source } of bootFiles.files) {
    await tools.run({
      file: '/usr/bin/mcopy',
      arguments: ['-i', path, source, `::${name}`],
      readOnly: [posix.dirname(source)],
      writable: [folder],
      environment,
    });
  }
  const written = openSync(path, 'r');
  try {
    lintEsp((offsetBytes, size) => {
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(written, bytes, 0, size, offsetBytes));
    }, bootFiles);
  } finally {
    closeSync(written);
  }
}

/** All folders of the paths, parents first. */
function foldersOf(bootFiles: BootFiles): readonly string[] {
  const folders = new Set<string>();
  for (const { path } of bootFiles.files) {
    const parts = path.split('/').slice(0, -1);
    for (let count = 1; count <= parts.length; count++) folders.add(parts.slice(0, count).join('/'));
  }
  return [...folders].sort();
}
