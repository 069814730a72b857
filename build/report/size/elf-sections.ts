/** A section of an ELF file, with the bytes that it has in the file. */
export interface ElfSection {
  readonly name: string;
  readonly content: Buffer;
}

export interface ElfSections {
  /** A kernel module or object file, whose symbols the linker still wants. */
  readonly isRelocatable: boolean;
  readonly sections: readonly ElfSection[];
}

/** Names that a file gives to others, and those that it takes from them. */
export interface DynamicSymbols {
  readonly given: ReadonlySet<string>;
  readonly taken: ReadonlySet<string>;
}

const headerBytes = 64;
const sectionHeaderBytes = 64;
const symbolBytes = 24;
const noBits = 8;
const longestName = 4096;

/**
 * The sections of an ELF file of 64 bits, little endian, by their headers: System V ABI, generic ABI, chapter 4. `undefined` for anything
 * else, and for files without such headers, which the loader does not need. Throws RangeError when they lead out of the file.
 */
export function readElfSections(bytes: Buffer): ElfSections | undefined {
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  if (bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const table = Number(bytes.readBigUInt64LE(40));
  const [entryBytes, count, namesIndex] = [58, 60, 62].map((at) => bytes.readUInt16LE(at)) as [
    number,
    number,
    number,
  ];
  if (table === 0 || count === 0 || namesIndex >= count) return undefined;
  if (entryBytes !== sectionHeaderBytes || table + count * entryBytes > bytes.length)
    throw new RangeError('section headers beyond the end of the file');
  const contents = Array.from({ length: count }, (_, index) => {
    const at = table + index * sectionHeaderBytes;
    if (bytes.readUInt32LE(at + 4) === noBits) return Buffer.alloc(0);
    const offset = Number(bytes.readBigUInt64LE(at + 24));
    const size = Number(bytes.readBigUInt64LE(at + 32));
    if (offset + size > bytes.length) throw new RangeError('a section beyond the end of the file');
    return bytes.subarray(offset, offset + size);
  });
  const names = contents[namesIndex] as Buffer;
  return {
    isRelocatable: bytes.readUInt16LE(16) === 1,
    sections: contents.map((content, index) => ({
      name: readName(names, bytes.readUInt32LE(table + index * sectionHeaderBytes)),
      content,
    })),
  };
}

/** What `.dynsym` says; two empty sets where there is none. */
export function readDynamicSymbols({ sections }: ElfSections): DynamicSymbols {
  const find = (name: string) =>
    sections.find((section) => section.name === name)?.content ?? Buffer.alloc(0);
  const [table, names] = [find('.dynsym'), find('.dynstr')];
  const given = new Set<string>();
  const taken = new Set<string>();
  for (let at = symbolBytes; at + symbolBytes <= table.length; at += symbolBytes) {
    const name = readName(names, table.readUInt32LE(at));
    // Section index 0: it is somebody else's.
    if (name !== '') (table.readUInt16LE(at + 6) === 0 ? taken : given).add(name);
  }
  return { given, taken };
}

function readName(names: Buffer, offset: number): string {
  const end = names.indexOf(0, offset);
  if (offset >= names.length || end < 0 || end - offset > longestName)
    throw new RangeError('a name without an end');
  return names.toString('latin1', offset, end);
}
