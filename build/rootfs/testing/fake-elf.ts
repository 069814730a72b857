/** What a made-up ELF file says of itself. */
export interface FakeElf {
  readonly machine?: 'x86-64' | 'arm64';
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  readonly rpath?: string;
}

/** A 64-bit little endian ELF file with headers only: enough for the reader, no code. */
export function fakeElf({
  machine = 'x86-64',
  interpreter,
  needed = [],
  runpath,
  rpath,
}: FakeElf = {}): Buffer {
  const strings: string[] = [''];
  const offsetOf = (text: string) => {
    const offset = strings.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
    strings.push(text);
    return BigInt(offset);
  };
  const entries: (readonly [bigint, bigint])[] = [
    ...needed.map((name) => [1n, offsetOf(name)] as const),
    ...(runpath === undefined ? [] : [[29n, offsetOf(runpath)] as const]),
    ...(rpath === undefined ? [] : [[15n, offsetOf(rpath)] as const]),
  ];
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const interpreterBytes = Buffer.from(`${interpreter ?? ''}\0`);
  const headersEnd = 64 + 3 * 56;
  const tableAt = headersEnd + interpreterBytes.length;
  const dynamicAt = tableAt + table.length;
  const address = 0x10000;
  entries.push([5n, BigInt(address + tableAt)], [10n, BigInt(table.length)], [0n, 0n]);

  const bytes = Buffer.alloc(dynamicAt + entries.length * 16);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(machine === 'x86-64' ? 62 : 183, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(3, 56);
  const segment = (index: number, type: number, offset: number, size: number) => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(address + offset), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(0, 1, 0, bytes.length);
  segment(1, 2, dynamicAt, entries.length * 16);
  segment(2, interpreter === undefined ? 4 : 3, headersEnd, interpreterBytes.length);
  interpreterBytes.copy(bytes, headersEnd);
  table.copy(bytes, tableAt);
  for (const [index, [tag, value]] of entries.entries()) {
    bytes.writeBigInt64LE(tag, dynamicAt + index * 16);
    bytes.writeBigUInt64LE(value, dynamicAt + index * 16 + 8);
  }
  return bytes;
}
