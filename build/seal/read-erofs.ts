import type { TreeNode } from '../rootfs/tree.ts';

/** Reads exactly `sizeBytes` at an offset from the start of the file system; fewer where it ends. */
export type ErofsReader = (offsetBytes: number, sizeBytes: number) => Uint8Array;

export interface ErofsEntry {
  /** Absolute, as in a `Tree`. */
  readonly path: string;
  readonly type: TreeNode['type'] | 'other';
  /** Number of the inode: hard links of one file have the same. */
  readonly inode: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** What its content takes: compressed, in whole blocks; the tail of a small one lies beside its inode. */
  readonly storedBytes: number;
  /** Of links. */
  readonly target: string | undefined;
}

export interface ErofsVolume {
  /** With its last block. */
  readonly sizeBytes: number;
  /** Ends of files that mkfs.erofs packed together (`-Efragments`), which no file has for itself. */
  readonly packedBytes: number;
  /** Sorted by path; the root folder is `/`. */
  readonly entries: readonly ErofsEntry[];
}

const limits = { depth: 64, entries: 1_000_000, folderBytes: 2 ** 26, targetBytes: 4096 };
const magic = 0xe0f5e1e2;
/** Padding, big clusters, a second algorithm, inline tails, fragments, names of attributes; no other devices or chunks. */
const knownFeatures = 0x7b;
const fragments = 0x20;
const layouts = { plain: 0, compressedFull: 1, inline: 2, compressedCompact: 3 } as const;
/** Of inode(7). */
const types = new Map<number, ErofsEntry['type']>([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
  [0o020000, 'device'],
  [0o060000, 'device'],
]);

interface Inode {
  readonly number: number;
  readonly type: ErofsEntry['type'];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly layout: number;
  readonly sizeBytes: number;
  /** Compressed blocks, or the number of the first block. */
  readonly blocks: number;
  /** Where the bytes beside the inode begin. */
  readonly inlineOffset: number;
}

/**
 * Every entry of an erofs file system and what its content takes of it: what `dump.erofs --path` says of one file as "On-disk size", for
 * all in one go. After https://erofs.docs.kernel.org/en/latest/ondisk/core_ondisk.html and fs/erofs/erofs_fs.h of Linux 6.12.
 * The bytes may be anybody's: it throws where they are not what it understands, and never reads without a bound.
 */
export function readErofs(read: ErofsReader): ErofsVolume {
  const volume = readSuperblock(read);
  const entries: ErofsEntry[] = [];
  const visit = (path: string, number: number, depth: number, above: ReadonlySet<number>): void => {
    if (depth > limits.depth || above.has(number)) throw new Error('its folders are too deep');
    if (entries.length >= limits.entries) throw new Error('it has too many entries');
    const inode = readInode(read, volume, number);
    const { type, mode, uid, gid, sizeBytes } = inode;
    entries.push({
      path,
      type,
      inode: number,
      mode,
      uid,
      gid,
      sizeBytes,
      storedBytes: storedBytes(volume, inode),
      target: type === 'link' ? readTarget(read, volume, inode) : undefined,
    });
    if (type !== 'folder') return;
    const parents = new Set([...above, number]);
    for (const child of readFolder(read, volume, inode)) {
      visit(`${path === '/' ? '' : path}/${child.name}`, child.inode, depth + 1, parents);
    }
  };
  visit('/', volume.rootInode, 0, new Set());
  if (entries[0]?.type !== 'folder') throw new Error('its root is no folder');
  return {
    sizeBytes: volume.sizeBytes,
    packedBytes:
      volume.packedInode === 0 ? 0 : storedBytes(volume, readInode(read, volume, volume.packedInode)),
    entries: entries.sort((one, other) => (one.path < other.path ? -1 : 1)),
  };
}

interface Superblock {
  readonly blockBytes: number;
  readonly sizeBytes: number;
  readonly rootInode: number;
  readonly inodesOffset: number;
  /** 0 when there is none. */
  readonly packedInode: number;
}

function readSuperblock(read: ErofsReader): Superblock {
  const view = viewOf(read, 1024, 128);
  const features = view.getUint32(80, true);
  const blockBits = view.getUint8(12);
  if (view.getUint32(0, true) !== magic) throw new Error('it is no erofs file system');
  // Offset 86: devices beside this one.
  if ((features & ~knownFeatures) !== 0 || view.getUint16(86, true) !== 0)
    throw new Error(`it has features that are not known here (0x${features.toString(16)})`);
  if (blockBits < 9 || blockBits > 16) throw new Error(`it has blocks of 2^${blockBits} bytes`);
  const blockBytes = 2 ** blockBits;
  return {
    blockBytes,
    sizeBytes: view.getUint32(36, true) * blockBytes,
    rootInode: view.getUint16(14, true),
    inodesOffset: view.getUint32(40, true) * blockBytes,
    packedInode: (features & fragments) === 0 ? 0 : Number(view.getBigUint64(96, true)),
  };
}

function readInode(read: ErofsReader, volume: Superblock, number: number): Inode {
  const offset = volume.inodesOffset + number * 32;
  const view = viewOf(read, offset, 32);
  const format = view.getUint16(0, true);
  const isExtended = (format & 1) === 1;
  const whole = isExtended ? viewOf(read, offset, 64) : view;
  const mode = view.getUint16(4, true);
  const attributes = view.getUint16(2, true);
  const size = isExtended ? Number(whole.getBigUint64(8, true)) : view.getUint32(8, true);
  if (!Number.isSafeInteger(size)) throw new Error(`inode ${number} has an impossible size`);
  return {
    number,
    type: types.get(mode & 0o170000) ?? 'other',
    mode: mode & 0o7777,
    uid: isExtended ? whole.getUint32(24, true) : view.getUint16(24, true),
    gid: isExtended ? whole.getUint32(28, true) : view.getUint16(26, true),
    layout: (format >> 1) & 7,
    sizeBytes: size,
    blocks: view.getUint32(16, true),
    inlineOffset: offset + (isExtended ? 64 : 32) + (attributes === 0 ? 0 : 12 + (attributes - 1) * 4),
  };
}

function storedBytes({ blockBytes }: Superblock, { number, type, layout, sizeBytes, blocks }: Inode): number {
  if (type === 'device' || type === 'other') return 0;
  switch (layout) {
    case layouts.plain:
      return Math.ceil(sizeBytes / blockBytes) * blockBytes;
    case layouts.inline:
      return sizeBytes;
    case layouts.compressedFull:
    case layouts.compressedCompact:
      return blocks * blockBytes;
    default:
      throw new Error(`inode ${number} is laid out in a way that is not known here (${layout})`);
  }
}

/** Content of a folder or link, which are never compressed. */
function readContent(read: ErofsReader, { blockBytes }: Superblock, inode: Inode, mostBytes: number): Buffer {
  const { number, layout, sizeBytes, blocks, inlineOffset } = inode;
  if (sizeBytes > mostBytes) throw new Error(`inode ${number} is too large`);
  if (layout !== layouts.plain && layout !== layouts.inline)
    throw new Error(`inode ${number} is a compressed folder or link`);
  const wholeBytes =
    layout === layouts.plain ? sizeBytes : Math.max(0, Math.ceil(sizeBytes / blockBytes) - 1) * blockBytes;
  return Buffer.concat([
    bytesAt(read, blocks * blockBytes, wholeBytes),
    bytesAt(read, inlineOffset, sizeBytes - wholeBytes),
  ]);
}

function readTarget(read: ErofsReader, volume: Superblock, inode: Inode): string {
  return readContent(read, volume, inode, limits.targetBytes).toString('utf8');
}

/** Each block has entries of 12 bytes, then their names; the first entry's name begins where the entries end. */
function readFolder(
  read: ErofsReader,
  volume: Superblock,
  inode: Inode,
): readonly { readonly name: string; readonly inode: number }[] {
  const content = readContent(read, volume, inode, limits.folderBytes);
  const found: { name: string; inode: number }[] = [];
  for (let start = 0; start < content.length; start += volume.blockBytes) {
    const block = content.subarray(start, start + volume.blockBytes);
    const nameOffset = (index: number) => block.readUInt16LE(index * 12 + 8);
    const damaged = new Error(`the folder of inode ${inode.number} is damaged`);
    if (block.length < 12 || nameOffset(0) % 12 !== 0 || nameOffset(0) > block.length) throw damaged;
    const count = nameOffset(0) / 12;
    for (let index = 0; index < count; index++) {
      const from = nameOffset(index);
      const to = index + 1 < count ? nameOffset(index + 1) : block.length;
      const name = block.toString('utf8', from, to).replace(/\0+$/, '');
      if (from >= to || to > block.length || name === '' || /[/\0]/.test(name)) throw damaged;
      if (name !== '.' && name !== '..')
        found.push({ name, inode: Number(block.readBigUInt64LE(index * 12)) });
    }
  }
  return found;
}

function viewOf(read: ErofsReader, offsetBytes: number, sizeBytes: number): DataView {
  const bytes = bytesAt(read, offsetBytes, sizeBytes);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function bytesAt(read: ErofsReader, offsetBytes: number, sizeBytes: number): Uint8Array {
  if (sizeBytes === 0) return new Uint8Array();
  const bytes = read(offsetBytes, sizeBytes);
  if (bytes.length < sizeBytes) throw new Error('it ends too early');
  return bytes;
}
