import { decodeText } from '../shared/decode-text.ts';

/** A line that is longer comes in parts. */
export const longestLineBytes = 16_384;

const newline = 0x0a;

/** Bytes of one input, as they come, to lines. */
export class LineSplitter {
  #rest = new Uint8Array();

  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  push(bytes: Uint8Array): readonly string[] {
    const all = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    const lines: string[] = [];
    let start = 0;
    while (start < all.length) {
      const found = all.indexOf(newline, start);
      const end = found === -1 ? all.length : found;
      if (end - start > longestLineBytes) {
        lines.push(decodeText(all.subarray(start, start + longestLineBytes)));
        start += longestLineBytes;
      } else if (found === -1) {
        break;
      } else {
        lines.push(decodeText(all.subarray(start, end)));
        start = end + 1;
      }
    }
    // A copy: the bytes are the caller's, and soon others.
    this.#rest = all.slice(start);
    return lines;
  }

  /** What came without a newline, when nothing more seems to come. */
  flush(): readonly string[] {
    const rest = this.#rest;
    this.#rest = new Uint8Array();
    return rest.length === 0 ? [] : [decodeText(rest)];
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
