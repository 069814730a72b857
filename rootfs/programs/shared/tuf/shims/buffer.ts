/** As much of Node's `Buffer` as `@tufjs/models` calls: made from text, hexadecimal or numbers, and joined. */
export class ByteBuffer extends Uint8Array {
  static override from(
    source: string | ArrayLike<number> | Iterable<number>,
    encoding?: unknown,
  ): ByteBuffer {
    if (typeof source !== 'string') return new ByteBuffer(Array.from(source as ArrayLike<number>));
    return new ByteBuffer(encoding === 'hex' ? hexBytes(source) : utf8Bytes(source));
  }

  static concat(parts: readonly Uint8Array[]): ByteBuffer {
    return new ByteBuffer(parts.flatMap((part) => [...part]));
  }

  override toString(encoding?: string): string {
    if (encoding !== 'hex') throw new Error('only hexadecimal is known');
    return Array.from(this, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}

/** Like Node, what follows the first pair that is not hexadecimal is dropped: a signature of another length fails. */
function hexBytes(text: string): number[] {
  const pairs = /^(?:[0-9a-fA-F]{2})*/.exec(text)?.[0].match(/../g) ?? [];
  return pairs.map((pair) => Number.parseInt(pair, 16));
}

function utf8Bytes(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    // A half of a surrogate pair becomes the replacement character, as in Node.
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else {
      bytes.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 63),
        0x80 | ((point >> 6) & 63),
        0x80 | (point & 63),
      );
    }
  }
  return bytes;
}
