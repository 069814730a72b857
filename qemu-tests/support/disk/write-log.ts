import { closeSync, openSync, readSync } from 'node:fs';
import { sectorBytes } from './disk-bytes.ts';

/**
 * What QEMU's driver `blklogwrites` writes down of a disk, in the format of the kernel's dm-log-writes
 * (https://docs.kernel.org/admin-guide/device-mapper/log-writes.html): a super block, then for each request that was carried
 * out a header and the data, each in whole sectors.
 */
export interface LoggedWrite {
  readonly kind: 'write';
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Of its data in the log. */
  readonly logOffset: number;
}

/** What was written before it stays, whatever happens. */
export interface LoggedFlush {
  readonly kind: 'flush';
}

/** The guest no longer wants what lies there. */
export interface LoggedDiscard {
  readonly kind: 'discard';
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export type LogEntry = LoggedWrite | LoggedFlush | LoggedDiscard;

const flags = { flush: 1, fua: 2, discard: 4 } as const;

/** Reads on where it stopped, while QEMU writes. */
export class WriteLog implements Disposable {
  readonly #file: number;
  /** Of the next header; the first sector is the super block. */
  #position = sectorBytes;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
  }

  /** Entries since the last look. Of the newest the data may still be on its way. */
  readNew(): readonly LogEntry[] {
    const found: LogEntry[] = [];
    for (;;) {
      const header = Buffer.alloc(32);
      if (readSync(this.#file, header, 0, header.length, this.#position) < header.length) return found;
      const [sector, sectors, flag] = [0, 8, 16].map((at) => Number(header.readBigUInt64LE(at))) as [
        number,
        number,
        number,
      ];
      // A hole: its request is not written down yet, though a later one may be.
      if (sectors === 0 && flag === 0) return found;
      const logOffset = this.#position + sectorBytes;
      const place = { offsetBytes: sector * sectorBytes, sizeBytes: sectors * sectorBytes };
      this.#position = logOffset;
      if ((flag & flags.discard) !== 0) {
        found.push({ kind: 'discard', ...place });
        continue;
      }
      if (sectors > 0) {
        found.push({ kind: 'write', ...place, logOffset });
        this.#position += place.sizeBytes;
      }
      if ((flag & (flags.flush | flags.fua)) !== 0) found.push({ kind: 'flush' });
    }
  }

  data(write: LoggedWrite): Buffer {
    const bytes = Buffer.alloc(write.sizeBytes);
    if (readSync(this.#file, bytes, 0, bytes.length, write.logOffset) !== bytes.length) {
      throw new Error('the write log ends within a request');
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
