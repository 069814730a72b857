/** One folder or file of a FAT file system. */
export interface FatEntry {
  /** From the root, with slashes; long names where there are any. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  /** Entries of 32 bytes that its name takes in its folder: one, and one more for each 13 characters of a long name. */
  readonly slots: number;
  readonly firstCluster: number;
}

/** Reads exactly `sizeBytes` at an offset from the start of the file system; throws where there is nothing. */
export type FatReader = (offsetBytes: number, sizeBytes: number) => Uint8Array;

const entryBytes = 32;
const attributes = { longName: 0x0f, volume: 0x08, folder: 0x10 };
const limits = { depth: 8, folderBytes: 2 ** 20, entries: 4096 };

/**
 * All entries of a FAT32 file system, sorted by path. Independent of the tools that wrote it, after Microsoft's
 * "FAT: General Overview of On-Disk Format" 1.03; it refuses what it does not understand.
 */
export function readFat(read: FatReader): readonly FatEntry[] {
  const geometry = readGeometry(read);
  const entries: FatEntry[] = [];
  const visit = (cluster: number, parent: string, depth: number) => {
    if (depth > limits.depth) throw new Error('the file system has folders that are too deep');
    for (const entry of parseFolder(readChain(read, geometry, cluster), parent)) {
      entries.push(entry);
      if (entries.length > limits.entries) throw new Error('the file system has too many entries');
      if (entry.isFolder) visit(entry.firstCluster, `${entry.path}/`, depth + 1);
    }
  };
  visit(geometry.rootCluster, '', 0);
  return entries.sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** Content of a file that `readFat` listed. */
export function readFatFile(read: FatReader, entry: FatEntry): Uint8Array {
  if (entry.sizeBytes === 0) return new Uint8Array();
  return readChain(read, readGeometry(read), entry.firstCluster, entry.sizeBytes).subarray(
    0,
    entry.sizeBytes,
  );
}

interface Geometry {
  readonly clusterBytes: number;
  readonly fatOffset: number;
  readonly fatEntries: number;
  readonly dataOffset: number;
  readonly rootCluster: number;
}

function readGeometry(read: FatReader): Geometry {
  const sector = viewOf(read(0, 512));
  const sectorBytes = sector.getUint16(11, true);
  const clusterSectors = sector.getUint8(13);
  const fatSectors = sector.getUint32(36, true);
  const isFat32 = sector.getUint16(22, true) === 0 && sector.getUint16(17, true) === 0 && fatSectors > 0;
  if (sector.getUint16(510, true) !== 0xaa55 || sectorBytes !== 512 || clusterSectors === 0 || !isFat32) {
    throw new Error('there is no FAT32 file system of 512-byte sectors');
  }
  const fatOffset = sector.getUint16(14, true) * sectorBytes;
  return {
    clusterBytes: clusterSectors * sectorBytes,
    fatOffset,
    fatEntries: (fatSectors * sectorBytes) / 4,
    dataOffset: fatOffset + sector.getUint8(16) * fatSectors * sectorBytes,
    rootCluster: sector.getUint32(44, true),
  };
}

/** Follows the clusters of a folder, or of a file of `sizeBytes`. */
function readChain(
  read: FatReader,
  geometry: Geometry,
  firstCluster: number,
  sizeBytes: number = limits.folderBytes,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const mostClusters = Math.ceil(sizeBytes / geometry.clusterBytes);
  let cluster = firstCluster;
  while (cluster < 0x0ffffff8) {
    if (cluster < 2 || cluster >= geometry.fatEntries)
      throw new Error('the file system has a chain that leads outside');
    if (parts.length >= mostClusters) throw new Error('the file system has a chain that is too long');
    parts.push(read(geometry.dataOffset + (cluster - 2) * geometry.clusterBytes, geometry.clusterBytes));
    cluster = viewOf(read(geometry.fatOffset + cluster * 4, 4)).getUint32(0, true) & 0x0fffffff;
  }
  return Buffer.concat(parts);
}

function parseFolder(bytes: Uint8Array, parent: string): FatEntry[] {
  const found: FatEntry[] = [];
  let longName = '';
  let slots = 0;
  for (let offset = 0; offset + entryBytes <= bytes.length && bytes[offset] !== 0; offset += entryBytes) {
    const entry = bytes.subarray(offset, offset + entryBytes);
    const attribute = entry[11] as number;
    if (entry[0] === 0xe5) {
      longName = '';
      slots = 0;
      continue;
    }
    slots++;
    if ((attribute & 0x3f) === attributes.longName) {
      longName = longNamePart(entry) + longName;
      continue;
    }
    const name = longName || shortName(entry);
    const view = viewOf(entry);
    if ((attribute & attributes.volume) === 0 && name !== '.' && name !== '..') {
      found.push({
        path: parent + name,
        isFolder: (attribute & attributes.folder) !== 0,
        sizeBytes: view.getUint32(28, true),
        slots,
        firstCluster: view.getUint16(20, true) * 2 ** 16 + view.getUint16(26, true),
      });
    }
    longName = '';
    slots = 0;
  }
  return found;
}

function longNamePart(entry: Uint8Array): string {
  const view = viewOf(entry);
  let text = '';
  for (const offset of [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
    const code = view.getUint16(offset, true);
    if (code === 0 || code === 0xffff) break;
    text += String.fromCharCode(code);
  }
  return text;
}

/** Bits 3 and 4 of byte 12 say that base and extension are lower case (Windows NT and Linux write and read them). */
function shortName(entry: Uint8Array): string {
  const text = (from: number, to: number) =>
    Buffer.from(entry.subarray(from, to)).toString('latin1').trimEnd();
  const cases = entry[12] as number;
  const base = (cases & 0x08) === 0 ? text(0, 8) : text(0, 8).toLowerCase();
  const extension = (cases & 0x10) === 0 ? text(8, 11) : text(8, 11).toLowerCase();
  return extension === '' ? base : `${base}.${extension}`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
