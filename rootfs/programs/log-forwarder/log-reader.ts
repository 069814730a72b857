import type { Device } from '../device.ts';
import { decodeText } from '../shared/decode-text.ts';
import { type LogLine, listLogFiles, parseLogLine, sequenceLeap } from '../shared/log-line.ts';

const chunkBytes = 131_072;
/** Longer than the beginning of a line with its number. */
const headBytes = 64;
const newline = 0x0a;

/** Lines and what to remember when they have been delivered. */
export interface Batch {
  readonly lines: readonly LogLine[];
  readonly lastSeq: number;
}

/**
 * Reads the log from a number on, over rotations: a file is known by the number of its first line, whatever its name is by now.
 */
export class LogReader {
  readonly #device: Device;
  #after: number;
  #file = -1;
  #offset = 0;
  #end = 0;

  constructor(device: Device, after: number) {
    this.#device = device;
    this.#after = after;
  }

  /** The next lines; the same again until `commit`. Empty when there are none. */
  next(): Batch {
    for (;;) {
      const files = this.#listFiles();
      const index = Math.max(
        files.findLastIndex(({ first }) => first <= this.#after + 1),
        files.findIndex(({ first }) => first === this.#file),
        0,
      );
      const file = files[index];
      if (file === undefined) return { lines: [], lastSeq: this.#after };
      if (file.first !== this.#file) {
        this.#file = file.first;
        this.#offset = 0;
      }
      const { lines, bytes } = this.#readChunk(file.path);
      const fresh = lines.filter(({ seq }) => seq > this.#after);
      this.#end = this.#offset + bytes;
      const last = fresh.at(-1);
      if (last !== undefined) return { lines: fresh, lastSeq: last.seq };
      const newest = lines.at(-1);
      const following = files[index + 1];
      if (bytes === 0 && following === undefined) return { lines: [], lastSeq: this.#after };
      if (bytes === 0 && following !== undefined) {
        // Its numbers may begin with a leap.
        this.#file = following.first;
        this.#offset = 0;
        continue;
      }
      this.#offset = this.#end;
      // All that is there is much older than what was sent last: this is another log, begun anew. A little older it is after a
      // power cut, until the log goes on.
      const isOther = newest !== undefined && newest.seq + sequenceLeap < this.#after;
      if (index === files.length - 1 && isOther) this.#restart(file.path);
    }
  }

  commit({ lastSeq }: Batch): void {
    this.#after = lastSeq;
    this.#offset = this.#end;
  }

  #restart(path: string): void {
    if ((this.#device.status(path)?.sizeBytes ?? 0) > this.#offset) return;
    this.#after = 0;
    this.#file = -1;
  }

  #listFiles(): readonly { readonly path: string; readonly first: number }[] {
    return listLogFiles(this.#device).flatMap((path) => {
      const head = this.#device.readBytes(path, 0, headBytes);
      const first = head === undefined ? null : /^\s*\{"seq":(\d+),/.exec(decodeText(head));
      return first === null ? [] : [{ path, first: Number(first[1]) }];
    });
  }

  /** Whole lines; those that a power cut tore are left out. */
  #readChunk(path: string): { readonly lines: readonly LogLine[]; readonly bytes: number } {
    const bytes = this.#device.readBytes(path, this.#offset, chunkBytes) ?? new Uint8Array();
    const end = bytes.lastIndexOf(newline) + 1;
    const texts = decodeText(bytes.subarray(0, end)).split('\n');
    const lines = texts.map(parseLogLine).filter((line) => line !== undefined);
    return { lines, bytes: end };
  }
}
