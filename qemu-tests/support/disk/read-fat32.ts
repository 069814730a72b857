import type { DiskBytes } from './disk-bytes.ts';
import { parseFolder } from './read-fat-folder.ts';

/**
 * A strict reader of FAT32 after Microsoft's "FAT32 File System Specification" 1.03. It shares nothing with mtools, the kernel
 * or the builder. What the specification forbids is a fault; what a cut may leave and every driver bears (copies of the FAT
 * that differ) is only told.
 */
export interface FatFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  /** Runs of clusters, as extents of the file system. */
  readonly extents: readonly FatExtent[];
  /** Why its content cannot be read. */
  readonly fault?: string;
}

export interface FatExtent {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface Fat {
  readonly files: readonly FatFile[];
  /** Faults of folders: what they hold cannot be trusted. */
  readonly faults: readonly string[];
  /** Whether all copies of the FAT say the same. */
  readonly copiesAgree: boolean;
  /** FATs, boot sector and folders: what a name or a chain depends on. */
  readonly metadata: readonly FatExtent[];
}

interface Geometry {
  readonly clusterBytes: number;
  readonly clusterCount: number;
  readonly dataOffset: number;
  readonly rootCluster: number;
  readonly fatOffset: number;
  readonly fatBytes: number;
  readonly fatCount: number;
}

const deepest = 8;

/** Throws when there is no FAT32 file system that could be mounted. */
export function readFat32(disk: DiskBytes): Fat {
  const geometry = readGeometry(disk);
  const { fatOffset, fatBytes, fatCount } = geometry;
  const table = disk.read(fatOffset, fatBytes);
  // 3.5: the first entry repeats the media byte.
  if (table[0] !== disk.read(21, 1)[0]) throw new Error('the FAT does not begin with the media byte');
  let copiesAgree = true;
  for (let copy = 1; copy < fatCount; copy++) {
    copiesAgree &&= disk.read(fatOffset + copy * fatBytes, fatBytes).equals(table);
  }
  const files: FatFile[] = [];
  const faults: string[] = [];
  const metadata: FatExtent[] = [{ offsetBytes: 0, sizeBytes: geometry.dataOffset }];
  const visit = (firstCluster: number, path: string, depth: number): void => {
    const chain = followChain(table, geometry, firstCluster, undefined);
    metadata.push(...chain.extents);
    if (chain.fault !== undefined || depth > deepest) {
      faults.push(`folder /${path}: ${chain.fault ?? 'it is too deep'}`);
      return;
    }
    const content = Buffer.concat(
      chain.extents.map(({ offsetBytes, sizeBytes }) => disk.read(offsetBytes, sizeBytes)),
    );
    for (const entry of parseFolder(content)) {
      const entryPath = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isFolder) {
        files.push({ path: entryPath, isFolder: true, sizeBytes: 0, extents: [] });
        visit(entry.firstCluster, entryPath, depth + 1);
        continue;
      }
      // 6.1: a file of no bytes has no clusters; whatever the entry says, nothing of it is read.
      const content =
        entry.sizeBytes === 0
          ? { extents: [] }
          : followChain(table, geometry, entry.firstCluster, entry.sizeBytes);
      files.push({ path: entryPath, isFolder: false, sizeBytes: entry.sizeBytes, ...content });
    }
  };
  visit(geometry.rootCluster, '', 0);
  return { files, faults, copiesAgree, metadata };
}

/** Section 3.1 to 3.3. */
function readGeometry(disk: DiskBytes): Geometry {
  const sector = disk.read(0, 512);
  const refuse = (fault: string): never => {
    throw new Error(`there is no FAT32 file system: ${fault}`);
  };
  if (sector.readUInt16LE(510) !== 0xaa55) refuse('no signature');
  if (sector[0] !== 0xeb && sector[0] !== 0xe9) refuse('no jump instruction');
  const sectorSize = sector.readUInt16LE(11);
  const clusterSectors = sector.readUInt8(13);
  const reserved = sector.readUInt16LE(14);
  const fatCount = sector.readUInt8(16);
  const sectors = sector.readUInt32LE(32);
  const fatSectors = sector.readUInt32LE(36);
  const rootCluster = sector.readUInt32LE(44);
  if (sectorSize !== 512) refuse(`sectors of ${sectorSize} bytes`);
  if (clusterSectors === 0 || (clusterSectors & (clusterSectors - 1)) !== 0) refuse('an impossible cluster');
  if (reserved === 0 || fatCount === 0 || fatSectors === 0) refuse('no FAT');
  if (sector.readUInt16LE(17) !== 0 || sector.readUInt16LE(19) !== 0 || sector.readUInt16LE(22) !== 0)
    refuse('fields of FAT16');
  if (sector.readUInt16LE(42) !== 0) refuse('another version');
  if (sectors * sectorSize > disk.sizeBytes) refuse('it is larger than its partition');
  const dataSectors = sectors - reserved - fatCount * fatSectors;
  const clusterCount = Math.floor(dataSectors / clusterSectors);
  // The count alone decides which FAT it is.
  if (clusterCount < 65_525) refuse(`${clusterCount} clusters are not enough`);
  const fatBytes = fatSectors * sectorSize;
  if (fatBytes / 4 < clusterCount + 2) refuse('the FAT is too short');
  if (rootCluster < 2 || rootCluster >= clusterCount + 2) refuse('the root folder lies outside');
  return {
    clusterBytes: clusterSectors * sectorSize,
    clusterCount,
    dataOffset: (reserved + fatCount * fatSectors) * sectorSize,
    rootCluster,
    fatOffset: reserved * sectorSize,
    fatBytes,
    fatCount,
  };
}

/** Section 4: `sizeBytes` undefined for a folder, which goes on to its end. */
function followChain(
  table: Buffer,
  geometry: Geometry,
  firstCluster: number,
  sizeBytes: number | undefined,
): Pick<FatFile, 'extents' | 'fault'> {
  const { clusterBytes, clusterCount, dataOffset } = geometry;
  const needed = sizeBytes === undefined ? undefined : Math.ceil(sizeBytes / clusterBytes);
  const extents: { offsetBytes: number; sizeBytes: number }[] = [];
  let cluster = firstCluster;
  let count = 0;
  for (; cluster < 0x0ffffff8; count++) {
    if (cluster < 2 || cluster >= clusterCount + 2)
      return { extents, fault: `its chain leads to cluster ${cluster}` };
    if (count > (needed ?? 4096)) return { extents, fault: 'its chain is too long' };
    const offsetBytes = dataOffset + (cluster - 2) * clusterBytes;
    const last = extents.at(-1);
    if (last !== undefined && last.offsetBytes + last.sizeBytes === offsetBytes)
      last.sizeBytes += clusterBytes;
    else extents.push({ offsetBytes, sizeBytes: clusterBytes });
    cluster = table.readUInt32LE(cluster * 4) & 0x0fffffff;
  }
  if (needed !== undefined && count !== needed)
    return { extents, fault: `its chain has ${count} clusters for ${needed}` };
  return { extents };
}
