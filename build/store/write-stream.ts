import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Sha256 } from './store.ts';
import { writeWhole } from './write-whole.ts';

/** Archives come in small pieces; writing each by itself would take most of the time. */
const writeBytes = 1024 ** 2;

/** Writes all pieces from `position` on, and says what they were. */
export async function writeStream(
  file: Pick<FileHandle, 'write'>,
  pieces: AsyncIterable<Uint8Array>,
  position: number,
): Promise<{ readonly sizeBytes: number; readonly sha256: Sha256 }> {
  const hash = createHash('sha256');
  let written = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async () => {
    await writeWhole(file, Buffer.concat(waiting), position + written);
    written += waitingBytes;
    waiting = [];
    waitingBytes = 0;
  };
  for await (const piece of pieces) {
    hash.update(piece);
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waitingBytes >= writeBytes) await flush();
  }
  if (waitingBytes > 0) await flush();
  return { sizeBytes: written, sha256: hash.digest('hex') };
}
