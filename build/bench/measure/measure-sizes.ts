import { mkdtemp, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Workshop } from '../../tools/workshop.ts';

/** What a disk image takes; both are made of the raw disk in the same way for everybody. */
export interface ImageSizes {
  /** As qcow2: clusters of zeros are left out, wherever they come from. */
  readonly imageBytes: number;
  /** The raw disk through `zstd -19`. */
  readonly compressedBytes: number;
}

export async function measureSizes(workshop: Workshop, diskPath: string): Promise<ImageSizes> {
  const tools = await workshop.openTools('image');
  const folder = await mkdtemp(join(dirname(diskPath), 'sizes-'));
  const [image, compressed] = [join(folder, 'disk.qcow2'), join(folder, 'disk.zst')];
  const run = (file: string, words: readonly string[]) =>
    tools.run({ file, arguments: words, readOnly: [diskPath], writable: [folder] });
  try {
    await run('/usr/bin/qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', diskPath, image]);
    await run('/usr/bin/zstd', ['-q', '-19', '-T0', diskPath, '-o', compressed]);
    return { imageBytes: (await stat(image)).size, compressedBytes: (await stat(compressed)).size };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
