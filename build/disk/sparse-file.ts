import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Sha256 } from '../store/store.ts';
import { writeWhole } from '../store/write-whole.ts';

const chunkBytes = 64 * 1024;
const zeros = Buffer.alloc(chunkBytes);

/** Makes a file of that size that takes no space yet, and lets `fill` write into it. */
export async function writeSparseFile(
  path: string,
  sizeBytes: number,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, 'wx+', 0o644);
  try {
    await file.truncate(sizeBytes);
    await fill(file);
  } finally {
    await file.close();
  }
}

/** Copies a whole file to an offset of a file that reads as zeros there; runs of zeros stay holes. */
export async function copyIntoSparse(
  file: FileHandle,
  source: string,
  offsetBytes: number,
  signal?: AbortSignal,
): Promise<void> {
  const input = await open(source, 'r');
  try {
    const chunk = Buffer.alloc(chunkBytes);
    for (let position = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await input.read(chunk, 0, chunkBytes, position);
      if (bytesRead === 0) return;
      const bytes = chunk.subarray(0, bytesRead);
      if (!bytes.equals(zeros.subarray(0, bytesRead))) {
        await writeWhole(file, bytes.subarray(0, bytesRead), offsetBytes + position);
      }
      position += bytesRead;
    }
  } finally {
    await input.close();
  }
}

export async function digestFile(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}
