/**
 * What the dynamic loader reads of an ELF file: interpreter, needed libraries and search folders. 64-bit little endian,
 * x86-64 and AArch64; anything else is data to us. The bytes are hostile: every offset is checked before it is used.
 * Specification: System V ABI, generic ABI, chapters 4 and 5; ld.so(8) for the search.
 */
export interface ElfFile {
  readonly machine: 'x86-64' | 'arm64';
  /** PT_INTERP: the program's dynamic loader. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  /** DT_RUNPATH, or DT_RPATH where there is none; `$ORIGIN` not yet replaced. */
  readonly searchFolders: readonly string[];
}

const machines: Readonly<Record<number, ElfFile['machine']>> = { 62: 'x86-64', 183: 'arm64' };
const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { end: 0, needed: 1, stringTable: 5, stringTableSize: 10, rpath: 15, runpath: 29 } as const;

/** The first four bytes. */
export const elfMagic = 0x7f454c46;

const headerBytes = 64;
const programHeaderBytes = 56;
const longestString = 4096;
const mostDynamicEntries = 65536;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** `undefined` when the bytes are no ELF file that these machines run; throws RangeError when they are a broken one. */
export function readElf(bytes: Buffer): ElfFile | undefined {
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== elfMagic) return undefined;
  const is64BitLittleEndian = bytes[4] === 2 && bytes[5] === 1;
  const machine = machines[bytes.readUInt16LE(18)];
  if (!is64BitLittleEndian || machine === undefined) return undefined;

  const segments = readSegments(bytes);
  const interpreter = segments.find((each) => each.type === segment.interpreter);
  const dynamic = segments.find((each) => each.type === segment.dynamic);
  return {
    machine,
    interpreter:
      interpreter === undefined ? undefined : readString(bytes, interpreter.offset, interpreter.size),
    ...(dynamic === undefined ? { needed: [], searchFolders: [] } : readDynamic(bytes, segments, dynamic)),
  };
}

function readSegments(bytes: Buffer): Segment[] {
  const tableOffset = readOffset(bytes, 32);
  const entryBytes = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  if (count > 0 && entryBytes !== programHeaderBytes) {
    throw new RangeError(`program headers of ${entryBytes} bytes, not ${programHeaderBytes}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const at = tableOffset + index * programHeaderBytes;
    if (at + programHeaderBytes > bytes.length)
      throw new RangeError('program headers beyond the end of the file');
    return {
      type: bytes.readUInt32LE(at),
      offset: readOffset(bytes, at + 8),
      address: readOffset(bytes, at + 16),
      size: readOffset(bytes, at + 32),
    };
  });
}

function readDynamic(
  bytes: Buffer,
  segments: readonly Segment[],
  dynamic: Segment,
): Pick<ElfFile, 'needed' | 'searchFolders'> {
  const entries: { readonly tag: number; readonly value: number }[] = [];
  const end = Math.min(dynamic.offset + dynamic.size, bytes.length);
  for (let at = dynamic.offset; at + 16 <= end; at += 16) {
    const entryTag = bytes.readBigInt64LE(at);
    if (entryTag === BigInt(tag.end)) break;
    // Tags and values that we do not read may use all 64 bits (DT_FLAGS_1, addresses of the kernel).
    if (entryTag > 0n && entryTag <= BigInt(tag.runpath)) {
      entries.push({ tag: Number(entryTag), value: Number(bytes.readBigUInt64LE(at + 8)) });
    }
    if (entries.length > mostDynamicEntries) throw new RangeError('too many entries in the dynamic section');
  }

  const valuesOf = (wanted: number) =>
    entries.filter((entry) => entry.tag === wanted).map((entry) => entry.value);
  const [tableAddress] = valuesOf(tag.stringTable);
  const names = [...valuesOf(tag.needed), ...valuesOf(tag.runpath), ...valuesOf(tag.rpath)];
  if (names.length === 0) return { needed: [], searchFolders: [] };
  if (tableAddress === undefined) throw new RangeError('no string table for the dynamic section');

  const table = fileOffsetOf(segments, tableAddress);
  const tableBytes = valuesOf(tag.stringTableSize)[0] ?? 0;
  const nameAt = (offset: number) => {
    if (offset >= tableBytes) throw new RangeError('a name beyond the end of the string table');
    return readString(bytes, table + offset, tableBytes - offset);
  };
  const search = valuesOf(tag.runpath).length > 0 ? valuesOf(tag.runpath) : valuesOf(tag.rpath);
  return {
    needed: valuesOf(tag.needed).map(nameAt),
    searchFolders: search.flatMap((offset) =>
      nameAt(offset)
        .split(':')
        .filter((folder) => folder !== ''),
    ),
  };
}

function fileOffsetOf(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    (each) => each.type === segment.load && address >= each.address && address - each.address < each.size,
  );
  if (home === undefined) throw new RangeError('an address that no segment holds');
  return home.offset + (address - home.address);
}

function readOffset(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('an offset of more than 53 bits');
  return Number(value);
}

function readString(bytes: Buffer, offset: number, roomBytes: number): string {
  const end = Math.min(offset + roomBytes, offset + longestString, bytes.length);
  const zero = bytes.subarray(offset, end).indexOf(0);
  if (zero < 0) throw new RangeError('a name without an end');
  return bytes.toString('utf8', offset, offset + zero);
}
