/** An entry of a folder of FAT32. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly firstCluster: number;
}

const entryBytes = 32;
const attribute = { longName: 0x0f, longNameMask: 0x3f, volume: 0x08, folder: 0x10 };

/**
 * Microsoft's "FAT32 File System Specification" 1.03, sections 6 and 7: a long name counts only when its parts are in order,
 * complete, and carry the checksum of the short name after them; else the short name is the name.
 */
export function parseFolder(content: Buffer): readonly FolderEntry[] {
  const found: FolderEntry[] = [];
  let parts: Buffer[] = [];
  for (let offset = 0; offset + entryBytes <= content.length; offset += entryBytes) {
    const entry = content.subarray(offset, offset + entryBytes);
    if (entry[0] === 0) break;
    if (entry[0] === 0xe5) {
      parts = [];
      continue;
    }
    const attributes = entry.readUInt8(11);
    if ((attributes & attribute.longNameMask) === attribute.longName) {
      // 0x40 marks the last part, which comes first.
      if ((entry.readUInt8(0) & 0x40) !== 0) parts = [];
      parts.push(entry);
      continue;
    }
    const name = longName(parts, entry) ?? shortName(entry);
    parts = [];
    if ((attributes & attribute.volume) !== 0 || name === '.' || name === '..') continue;
    found.push({
      name,
      isFolder: (attributes & attribute.folder) !== 0,
      sizeBytes: entry.readUInt32LE(28),
      firstCluster: entry.readUInt16LE(20) * 2 ** 16 + entry.readUInt16LE(26),
    });
  }
  return found;
}

function longName(parts: readonly Buffer[], entry: Buffer): string | undefined {
  if (parts.length === 0) return undefined;
  const sum = checksum(entry);
  const isWhole = parts.every((part, index) => {
    const order = part.readUInt8(0);
    const expected = parts.length - index + (index === 0 ? 0x40 : 0);
    return order === expected && part.readUInt8(13) === sum && part.readUInt16LE(26) === 0;
  });
  if (!isWhole) return undefined;
  const units = [...parts].reverse().flatMap((part) => {
    const offsets = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
    return offsets.map((offset) => part.readUInt16LE(offset));
  });
  const end = units.indexOf(0);
  return String.fromCharCode(...(end < 0 ? units : units.slice(0, end)));
}

/** Section 7.2. */
function checksum(entry: Buffer): number {
  let sum = 0;
  for (const byte of entry.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}

/** Bits 3 and 4 of byte 12, which the specification reserves, say that base and extension are lower case: Windows NT and Linux write them. */
function shortName(entry: Buffer): string {
  const cases = entry.readUInt8(12);
  const text = (from: number, to: number, bit: number) => {
    const part = entry.toString('latin1', from, to).trimEnd();
    return (cases & bit) === 0 ? part : part.toLowerCase();
  };
  const [base, extension] = [text(0, 8, 0x08), text(8, 11, 0x10)];
  return extension === '' ? base : `${base}.${extension}`;
}
