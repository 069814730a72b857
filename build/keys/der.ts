/**
 * Distinguished encoding of the few structures that no library of ours has a schema for (Authenticode, PBES2), ITU-T X.690.
 */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concat(...content);
  return concat(Uint8Array.of(tag), lengthOf(body.length), body);
}

export const sequence = (...content: readonly Uint8Array[]) => tlv(0x30, ...content);
export const octetString = (content: Uint8Array) => tlv(0x04, content);
export const derNull = Uint8Array.of(0x05, 0x00);

/** DER orders the members of a SET OF by their encoding. */
export const setOf = (...members: readonly Uint8Array[]) =>
  tlv(0x31, ...[...members].sort((one, other) => Buffer.compare(one, other)));

/** A whole number from 0 to 2^31 - 1. */
export function integer(value: number): Uint8Array<ArrayBuffer> {
  const bytes = [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff);
  while (bytes.length > 1 && bytes[0] === 0 && (bytes[1] as number) < 0x80) bytes.shift();
  return tlv(0x02, Uint8Array.from(bytes));
}

export function objectIdentifier(dotted: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(base128)));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** The content of one element, and what follows it. Throws on indefinite lengths and on cut-short bytes. */
export function readTlv(bytes: Uint8Array): {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly rest: Uint8Array;
} {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new Error('the DER is cut short');
  let offset = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error('the DER has a length that is not allowed');
    length = 0;
    for (; offset < 2 + count; offset++) length = length * 256 + (bytes[offset] ?? Number.NaN);
  }
  if (!(offset + length <= bytes.length)) throw new Error('the DER is cut short');
  return { tag, content: bytes.subarray(offset, offset + length), rest: bytes.subarray(offset + length) };
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
    digits.unshift(0x80 | (left % 128));
  }
  return digits;
}
