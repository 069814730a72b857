import type { FileHandle } from 'node:fs/promises';

/** Reads exactly so many bytes from `position` on; one read may give less than it was asked for. Throws when the file ends before. */
export async function readWhole(
  file: Pick<FileHandle, 'read'>,
  position: number,
  sizeBytes: number,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let done = 0; done < sizeBytes; ) {
    const { bytesRead } = await file.read(bytes, done, sizeBytes - done, position + done);
    if (bytesRead === 0) throw new Error(`the file ends before ${position + sizeBytes}`);
    done += bytesRead;
  }
  return bytes;
}
