import type { FileHandle } from 'node:fs/promises';

/**
 * Writes all bytes; at `position`, or where the file was written last. One write may do less than it was asked: the
 * last one before a disk is full does, and only the next one fails.
 */
export async function writeWhole(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  position?: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}
