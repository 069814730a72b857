import { open } from 'node:fs/promises';
import type { ByteSource } from './tree.ts';

/** A part of a file in the store, read when it is wanted. */
export function storedBytes(path: string, offset: number, sizeBytes: number, sha256: string): ByteSource {
  return {
    sha256,
    sizeBytes,
    async read() {
      const bytes = Buffer.allocUnsafe(sizeBytes);
      const file = await open(path, 'r');
      try {
        let done = 0;
        while (done < sizeBytes) {
          const { bytesRead } = await file.read(bytes, done, sizeBytes - done, offset + done);
          if (bytesRead === 0) throw new Error(`${path} ends before ${offset + sizeBytes}`);
          done += bytesRead;
        }
      } finally {
        await file.close();
      }
      return bytes;
    },
  };
}
