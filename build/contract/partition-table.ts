/**
 * The GUID partition table of a disk, as the machine reads and changes it: UEFI Specification 2.10, chapter 5.3. Two copies lie at
 * the disk's two ends, each with checksums, so that one can be written while the other stays whole. Pure.
 */
export interface PartitionTable {
  readonly diskGuid: Uint8Array;
  readonly firstUsableSector: number;
  readonly entryBytes: number;
  /** All entries, used or not. */
  readonly entries: Uint8Array;
}

/** One copy as it lies on the disk. Sectors are the disk's own. */
export interface TableCopy extends PartitionTable {
  readonly sector: number;
  readonly alternateSector: number;
}

export interface TablePartition {
  /** Counts from 1. */
  readonly number: number;
  readonly label: string;
  readonly startSector: number;
  readonly sizeSectors: number;
}

/** Reads that many whole sectors, or fewer bytes at the disk's end. */
export type SectorReader = (sector: number, count: number) => Uint8Array;

export interface DiskGeometry {
  readonly sectorBytes: number;
  readonly sectors: number;
}

/** What is written where so that a disk has a table; each of the two is one run of sectors. */
export interface EncodedTable {
  readonly primary: { readonly sector: number; readonly bytes: Uint8Array };
  readonly backup: { readonly sector: number; readonly bytes: Uint8Array };
}

export const primarySector = 1;

const headerBytes = 92;
const limits = { entryBytes: 4096, tableBytes: 1024 * 1024 };

/** The copy whose header lies in that sector; `undefined` when there is none that is whole. */
export function decodeTable(
  read: SectorReader,
  sector: number,
  { sectorBytes }: DiskGeometry,
): TableCopy | undefined {
  const header = read(sector, 1);
  if (header.length < sectorBytes || textAt(header, 0, 8) !== 'EFI PART') return undefined;
  const view = viewOf(header);
  const summed = copyOf(header, 0, headerBytes);
  summed.fill(0, 16, 20);
  if (view.getUint32(12, true) !== headerBytes || crc32(summed) !== view.getUint32(16, true))
    return undefined;
  const entryBytes = view.getUint32(84, true);
  const tableBytes = view.getUint32(80, true) * entryBytes;
  const isUsual = entryBytes >= 128 && entryBytes <= limits.entryBytes && tableBytes <= limits.tableBytes;
  if (!isUsual || getSector(view, 24) !== sector) return undefined;
  const entries = copyOf(read(getSector(view, 72), Math.ceil(tableBytes / sectorBytes)), 0, tableBytes);
  if (entries.length < tableBytes || crc32(entries) !== view.getUint32(88, true)) return undefined;
  return {
    sector,
    alternateSector: getSector(view, 32),
    diskGuid: copyOf(header, 56, 72),
    firstUsableSector: getSector(view, 40),
    entryBytes,
    entries,
  };
}

/** Both copies for a disk of that size. */
export function encodeTable(table: PartitionTable, geometry: DiskGeometry): EncodedTable {
  const { sectorBytes, sectors } = geometry;
  const entrySectors = Math.ceil(table.entries.length / sectorBytes);
  const backupEntries = sectors - 1 - entrySectors;
  const primary = new Uint8Array((1 + entrySectors) * sectorBytes);
  primary.set(encodeHeader(table, geometry, primarySector, sectors - 1, primarySector + 1));
  primary.set(table.entries, sectorBytes);
  const backup = new Uint8Array((entrySectors + 1) * sectorBytes);
  backup.set(table.entries);
  backup.set(
    encodeHeader(table, geometry, sectors - 1, primarySector, backupEntries),
    entrySectors * sectorBytes,
  );
  return {
    primary: { sector: primarySector, bytes: primary },
    backup: { sector: backupEntries, bytes: backup },
  };
}

/** The first sector behind everything that partitions may have. */
export function usableEnd(
  { entries }: Pick<PartitionTable, 'entries'>,
  { sectorBytes, sectors }: DiskGeometry,
): number {
  return sectors - 1 - Math.ceil(entries.length / sectorBytes);
}

/** In the order of their numbers. */
export function listPartitions({ entries, entryBytes }: PartitionTable): readonly TablePartition[] {
  const found: TablePartition[] = [];
  for (let number = 1; number * entryBytes <= entries.length; number++) {
    const entry = entryAt({ entries, entryBytes }, number);
    if (isUnused(entry)) continue;
    const view = viewOf(entry);
    const startSector = getSector(view, 32);
    found.push({
      number,
      label: labelOf(view),
      startSector,
      sizeSectors: getSector(view, 40) - startSector + 1,
    });
  }
  return found;
}

/** The same table with another place for one partition; everything else of the partition stays. */
export function movePartition(
  table: PartitionTable,
  number: number,
  startSector: number,
  sizeSectors: number,
): PartitionTable {
  const entries = copyOf(table.entries);
  const view = viewOf(entryAt({ ...table, entries }, number));
  setSector(view, 32, startSector);
  setSector(view, 40, startSector + sizeSectors - 1);
  return { ...table, entries };
}

/** The same table with one partition more, in the first entry that is free; `undefined` when there is none. */
export function addPartition(
  table: PartitionTable,
  wanted: Omit<TablePartition, 'number'> & { readonly typeGuid: string; readonly guid: string },
): { readonly table: PartitionTable; readonly number: number } | undefined {
  const count = table.entries.length / table.entryBytes;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const number = numbers.find((each) => isUnused(entryAt(table, each)));
  if (number === undefined) return undefined;
  const entries = copyOf(table.entries);
  const entry = entryAt({ ...table, entries }, number);
  entry.fill(0);
  entry.set(encodeGuid(wanted.typeGuid), 0);
  entry.set(encodeGuid(wanted.guid), 16);
  const view = viewOf(entry);
  for (const [index, character] of [...wanted.label].slice(0, 36).entries()) {
    view.setUint16(56 + 2 * index, character.charCodeAt(0), true);
  }
  const added = movePartition({ ...table, entries }, number, wanted.startSector, wanted.sizeSectors);
  return { table: added, number };
}

/** Whether both say the same of the partitions. */
export function isSameTable(one: PartitionTable, other: PartitionTable): boolean {
  return isSameBytes(one.entries, other.entries) && isSameBytes(one.diskGuid, other.diskGuid);
}

export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}

function encodeHeader(
  table: PartitionTable,
  geometry: DiskGeometry,
  own: number,
  alternate: number,
  entriesSector: number,
): Uint8Array {
  const header = new Uint8Array(geometry.sectorBytes);
  const view = viewOf(header);
  for (let index = 0; index < 8; index++) header[index] = 'EFI PART'.charCodeAt(index);
  view.setUint32(8, 0x00010000, true);
  view.setUint32(12, headerBytes, true);
  setSector(view, 24, own);
  setSector(view, 32, alternate);
  setSector(view, 40, table.firstUsableSector);
  setSector(view, 48, usableEnd(table, geometry) - 1);
  header.set(table.diskGuid, 56);
  setSector(view, 72, entriesSector);
  view.setUint32(80, table.entries.length / table.entryBytes, true);
  view.setUint32(84, table.entryBytes, true);
  view.setUint32(88, crc32(table.entries), true);
  view.setUint32(16, crc32(header.subarray(0, headerBytes)), true);
  return header;
}

function entryAt(
  { entries, entryBytes }: Pick<PartitionTable, 'entries' | 'entryBytes'>,
  number: number,
): Uint8Array {
  return entries.subarray((number - 1) * entryBytes, number * entryBytes);
}

function isUnused(entry: Uint8Array): boolean {
  return entry.subarray(0, 16).every((byte) => byte === 0);
}

function labelOf(entry: DataView): string {
  let label = '';
  for (let offset = 56; offset < 128 && entry.getUint16(offset, true) !== 0; offset += 2) {
    label += String.fromCharCode(entry.getUint16(offset, true));
  }
  return label;
}

/** The first three fields of a GUID are stored little-endian. */
function encodeGuid(text: string): Uint8Array {
  const digits = text.replaceAll('-', '');
  const bytes = Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

function getSector(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

function setSector(view: DataView, offset: number, sector: number): void {
  view.setUint32(offset, sector % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(sector / 2 ** 32), true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Node's Buffer has a `slice` that is none. */
function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function textAt(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}

/** Of ISO 3309, as UEFI wants it. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    sum = (sum >>> 8) ^ (crcTable[(sum ^ (bytes[index] ?? 0)) & 255] ?? 0);
  }
  return ~sum >>> 0;
}

const crcTable = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
