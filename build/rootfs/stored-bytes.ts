import { open } from 'node:fs/promises';
import { readWhole } from '../store/read-whole.ts';
import type { FileNeeds } from './file-needs.ts';
import type { ByteSource } from './tree.ts';

/** A part of a file in the store, read when it is wanted. */
export function storedBytes(
  path: string,
  offset: number,
  sizeBytes: number,
  sha256: string,
  needs?: FileNeeds,
): ByteSource {
  return {
    sha256,
    sizeBytes,
    ...(needs === undefined ? {} : { needs }),
    async read() {
      const file = await open(path, 'r');
      try {
        return await readWhole(file, offset, sizeBytes);
      } catch (cause) {
        throw new Error(`Cannot read ${path}: ${(cause as Error).message}`, { cause });
      } finally {
        await file.close();
      }
    },
  };
}
