import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { otherFolders } from '../../build/qemu/machine-files.ts';
import { openDiskFile } from './disk/disk-bytes.ts';
import { type Gpt, readGpt } from './disk/read-gpt.ts';
import type { TestMachine } from './test-machine.ts';

/** Both copies of the partition table of a machine that is off. */
export async function readMachineTable({ files, workshop }: TestMachine): Promise<Gpt> {
  const tools = await workshop.openTools('image');
  const raw = join(files.folder, 'disk.raw');
  await rm(raw, { force: true });
  await tools.run({
    file: '/usr/bin/qemu-img',
    arguments: ['convert', '-O', 'raw', files.diskPath, raw],
    writable: [files.folder],
    readOnly: files.baseDiskPath === undefined ? [] : otherFolders(files.folder, [files.baseDiskPath]),
  });
  const disk = openDiskFile(raw);
  try {
    return readGpt(disk);
  } finally {
    disk[Symbol.dispose]();
    await rm(raw);
  }
}
