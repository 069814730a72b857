import { closeSync, openSync, readSync } from 'node:fs';
import { KeelsonError } from '../../errors/keelson-error.ts';
import { type ErofsVolume, readErofs } from '../../seal/read-erofs.ts';

/** Reads `sizeBytes` from there, or fewer at the end. */
export type PositionedReader = (offsetBytes: number, sizeBytes: number) => Buffer;

/** ROOT_UNREADABLE when it is no erofs file system, or one that was made in a way that is not known here. */
export function readVolume(path: string, read: PositionedReader): ErofsVolume {
  try {
    return readErofs(read);
  } catch (cause) {
    throw new KeelsonError({
      code: 'ROOT_UNREADABLE',
      class: 'input',
      message: `Cannot read the root file system in ${path}: ${(cause as Error).message}`,
      place: { file: path },
      hint: 'Build it again with this version of Keelson.',
      cause,
    });
  }
}

/** Opens a file, and closes it when the work is done. */
export function withFile<Result>(path: string, work: (read: PositionedReader) => Result): Result {
  const file = openSync(path, 'r');
  try {
    return work((offsetBytes, sizeBytes) => {
      const bytes = Buffer.alloc(sizeBytes);
      return bytes.subarray(0, readSync(file, bytes, 0, sizeBytes, offsetBytes));
    });
  } finally {
    closeSync(file);
  }
}
