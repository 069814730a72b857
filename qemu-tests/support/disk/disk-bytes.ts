import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What can be read of a disk, in sectors of 512 bytes. */
export interface DiskBytes {
  readonly sizeBytes: number;
  /** Throws where the disk ends. */
  read(offsetBytes: number, sizeBytes: number): Buffer;
  /** Two equal texts: the same bytes lie there, in whichever states of one disk. */
  stampOf(offsetBytes: number, sizeBytes: number): string;
}

export const sectorBytes = 512;

/** A raw disk in a file, which nobody writes to. */
export interface DiskFile extends DiskBytes, Disposable {}

/** `largerBytes`: the disk is larger than the file, and holds zeros there. */
export function openDiskFile(path: string, largerBytes?: number): DiskFile {
  const file = openSync(path, 'r');
  const fileBytes = fstatSync(file).size;
  const sizeBytes = largerBytes ?? fileBytes;
  return {
    sizeBytes,
    read(offsetBytes, count) {
      const bytes = Buffer.alloc(count);
      if (offsetBytes + count > sizeBytes)
        throw new Error(`the disk ends before byte ${offsetBytes + count}`);
      readSync(file, bytes, 0, count, offsetBytes);
      return bytes;
    },
    stampOf: () => '',
    [Symbol.dispose]: () => closeSync(file),
  };
}

/** A part of a disk as a disk of its own. */
export function partOf(disk: DiskBytes, offsetBytes: number, sizeBytes: number): DiskBytes {
  return {
    sizeBytes,
    read(from, count) {
      if (from < 0 || from + count > sizeBytes) throw new Error(`nothing lies at byte ${from}`);
      return disk.read(offsetBytes + from, count);
    },
    stampOf: (from, count) => disk.stampOf(offsetBytes + from, count),
  };
}
