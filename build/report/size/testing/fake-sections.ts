/** An ELF file of `fakeElf` with section headers and these sections at its end, as linkers write them. */
export function addSections(
  elf: Buffer,
  sections: Readonly<Record<string, Buffer>>,
  { isRelocatable = false } = {},
): Buffer {
  const named = Object.entries({ '': Buffer.alloc(0), ...sections });
  const nameOffsets: number[] = [];
  let names = '';
  for (const name of [...named.map(([each]) => each), '.shstrtab']) {
    nameOffsets.push(names.length);
    names += `${name}\0`;
  }
  const contents = [...named.map(([, content]) => content), Buffer.from(names, 'latin1')];
  let end = elf.length;
  const headers = contents.map((content, index) => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(nameOffsets[index] as number, 0);
    header.writeUInt32LE(1, 4);
    header.writeBigUInt64LE(BigInt(end), 24);
    header.writeBigUInt64LE(BigInt(content.length), 32);
    end += content.length;
    return header;
  });
  const bytes = Buffer.concat([elf, ...contents, ...headers]);
  bytes.writeUInt16LE(isRelocatable ? 1 : 3, 16);
  bytes.writeBigUInt64LE(BigInt(end), 40);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(headers.length, 60);
  bytes.writeUInt16LE(headers.length - 1, 62);
  return bytes;
}

/** The sections of a file that gives and takes these names. */
export function symbolSections({ gives = [] as readonly string[], takes = [] as readonly string[] }) {
  const names = [...gives, ...takes];
  const table = Buffer.alloc((names.length + 1) * 24);
  let strings = '\0';
  for (const [index, name] of names.entries()) {
    table.writeUInt32LE(strings.length, (index + 1) * 24);
    table.writeUInt16LE(index < gives.length ? 7 : 0, (index + 1) * 24 + 6);
    strings += `${name}\0`;
  }
  return { '.dynsym': table, '.dynstr': Buffer.from(strings, 'latin1') };
}
