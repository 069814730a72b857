/**
 * What one slot holds, from its first byte: root (erofs ‖ dm-verity superblock and hash tree) ‖ unified kernel image ‖
 * trailer. Each part begins at a multiple of 4096 and is padded with zeros; the trailer is one block of 4096. What lies
 * in the partition after the trailer has no meaning, but for its last block. Pure and without Node, for QuickJS reads it too: bytes are
 * `Uint8Array`, text is ASCII.
 *
 * A trailer is a table of contents, not a proof: the root is proved by its hash, the image by its digest or signature.
 */
export const slotBlockBytes = 4096;

/** The last block of a slot's partition is no image's: the ledger of unclean boots lies there. */
export const slotTailBytes = slotBlockBytes;

/** Sixteen bytes; the last is the format's version. */
const magic = 'KEELSON-SLOT\0\0\0\u0001';

export interface SlotExtent {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface SlotTrailer {
  readonly format: 1;
  readonly recipe: string;
  readonly version: string;
  readonly architecture: string;
  /** Lower-case hexadecimal. */
  readonly rootHash: string;
  /** erofs and hash tree. */
  readonly root: SlotExtent;
  /** Where the dm-verity superblock begins. */
  readonly hashOffsetBytes: number;
  readonly uki: SlotExtent & { readonly sha256: string };
}

/** Reads exactly `sizeBytes` from the start of a slot, or fewer at its end. */
export type SlotReader = (offsetBytes: number, sizeBytes: number) => Uint8Array;

/** A slot that is not what it should be; the message says what is wrong. */
export class SlotLayoutError extends Error {
  override readonly name = 'SlotLayoutError';
}

export function alignToBlock(sizeBytes: number): number {
  return Math.ceil(sizeBytes / slotBlockBytes) * slotBlockBytes;
}

/** Where the parts of a slot go. */
export function planSlot(rootSizeBytes: number, ukiSizeBytes: number) {
  const ukiOffset = alignToBlock(rootSizeBytes);
  const trailerOffset = ukiOffset + alignToBlock(ukiSizeBytes);
  return {
    root: { offsetBytes: 0, sizeBytes: rootSizeBytes },
    uki: { offsetBytes: ukiOffset, sizeBytes: ukiSizeBytes },
    trailerOffsetBytes: trailerOffset,
    sizeBytes: trailerOffset + slotBlockBytes,
  };
}

export function encodeSlotTrailer(trailer: SlotTrailer): Uint8Array {
  checkTrailer(trailer);
  const text = magic + JSON.stringify(trailer);
  if (text.length > slotBlockBytes) throw new SlotLayoutError('the trailer is larger than its block');
  const block = new Uint8Array(slotBlockBytes);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 126) throw new SlotLayoutError('the trailer has characters that are not ASCII');
    block[index] = code;
  }
  return block;
}

export function decodeSlotTrailer(block: Uint8Array): SlotTrailer {
  if (block.length !== slotBlockBytes) throw new SlotLayoutError('the trailer is cut short');
  if (textAt(block, 0, magic.length) !== magic) throw new SlotLayoutError('there is no trailer');
  let end = magic.length;
  while (end < block.length && block[end] !== 0) end++;
  for (let index = end; index < block.length; index++) {
    if (block[index] !== 0) throw new SlotLayoutError('the trailer is not padded with zeros');
  }
  let value: unknown;
  try {
    value = JSON.parse(textAt(block, magic.length, end - magic.length));
  } catch {
    throw new SlotLayoutError('the trailer is not JSON');
  }
  return checkTrailer(value);
}

/**
 * Offset of the trailer of a slot of which only the bytes are known: the erofs superblock says where the hash tree begins,
 * the dm-verity superblock how long it is, the PE headers how long the unified kernel image is.
 */
export function locateTrailer(read: SlotReader): number {
  const hashOffset = erofsSizeBytes(read(erofsSuperblock.offsetBytes, erofsSuperblock.sizeBytes));
  const rootEnd = hashOffset + hashAreaBytes(read(hashOffset, veritySuperblockBytes));
  const ukiOffset = alignToBlock(rootEnd);
  return ukiOffset + alignToBlock(peSizeBytes(read(ukiOffset, peHeaderBytes)));
}

/** Finds and reads a slot's trailer; it must tell of the parts that were found on the way to it. */
export function readSlotTrailer(read: SlotReader): SlotTrailer {
  const offset = locateTrailer(read);
  const trailer = decodeSlotTrailer(read(offset, slotBlockBytes));
  if (trailer.uki.offsetBytes + alignToBlock(trailer.uki.sizeBytes) !== offset) {
    throw new SlotLayoutError('the trailer tells of other parts than the slot has');
  }
  return trailer;
}

const erofsSuperblock = { offsetBytes: 1024, sizeBytes: 128 };

/** https://erofs.docs.kernel.org/en/latest/ondisk/core_ondisk.html */
function erofsSizeBytes(superblock: Uint8Array): number {
  const view = viewOf(superblock, erofsSuperblock.sizeBytes, 'the file system');
  if (view.getUint32(0, true) !== 0xe0f5e1e2)
    throw new SlotLayoutError('the slot does not begin with an erofs file system');
  const blockBits = view.getUint8(12);
  if (blockBits !== 12)
    throw new SlotLayoutError(`the file system has blocks of 2^${blockBits} bytes, not 4096`);
  return view.getUint32(36, true) * slotBlockBytes;
}

const veritySuperblockBytes = 512;

/** https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity: superblock in a block of its own, then the tree. */
function hashAreaBytes(superblock: Uint8Array): number {
  const view = viewOf(superblock, veritySuperblockBytes, 'the hash tree');
  if (textAt(superblock, 0, 8) !== 'verity\0\0' || view.getUint32(8, true) !== 1) {
    throw new SlotLayoutError('there is no dm-verity superblock after the file system');
  }
  if (textAt(superblock, 32, 7) !== 'sha256\0') throw new SlotLayoutError('the hash tree is not of SHA-256');
  if (view.getUint32(64, true) !== slotBlockBytes || view.getUint32(68, true) !== slotBlockBytes) {
    throw new SlotLayoutError('the hash tree does not have blocks of 4096 bytes');
  }
  const dataBlocks = view.getUint32(72, true) + view.getUint32(76, true) * 2 ** 32;
  return slotBlockBytes * (1 + hashTreeBlocks(dataBlocks));
}

/** 128 digests of 32 bytes in each block of each level, up to one block. */
export function hashTreeBlocks(dataBlocks: number): number {
  if (!Number.isSafeInteger(dataBlocks) || dataBlocks < 1)
    throw new SlotLayoutError('the hash tree covers no data');
  let total = 0;
  let level = dataBlocks;
  do {
    level = Math.ceil(level / 128);
    total += level;
  } while (level > 1);
  return total;
}

const peHeaderBytes = 8192;

/** End of the last section, or of the signatures behind it. https://learn.microsoft.com/windows/win32/debug/pe-format */
function peSizeBytes(headers: Uint8Array): number {
  const view = viewOf(headers, 512, 'the unified kernel image');
  const isInside = (offset: number, size: number) => offset >= 0 && offset + size <= headers.length;
  const peOffset = view.getUint32(60, true);
  if (
    textAt(headers, 0, 2) !== 'MZ' ||
    !isInside(peOffset, 264) ||
    textAt(headers, peOffset, 4) !== 'PE\0\0'
  ) {
    throw new SlotLayoutError('there is no unified kernel image after the hash tree');
  }
  const sectionCount = view.getUint16(peOffset + 6, true);
  const optionalSize = view.getUint16(peOffset + 20, true);
  const optional = peOffset + 24;
  const sections = optional + optionalSize;
  if (
    optionalSize < 152 ||
    view.getUint16(optional, true) !== 0x20b ||
    !isInside(sections, sectionCount * 40)
  ) {
    throw new SlotLayoutError('the headers of the unified kernel image are damaged');
  }
  // Data directory 4, the certificate table, is the one whose address is a file offset.
  let end = view.getUint32(optional + 144, true) + view.getUint32(optional + 148, true);
  for (let index = 0; index < sectionCount; index++) {
    const section = sections + index * 40;
    end = Math.max(end, view.getUint32(section + 20, true) + view.getUint32(section + 16, true));
  }
  return end;
}

function checkTrailer(value: unknown): SlotTrailer {
  const trailer = value as SlotTrailer;
  const isRecord = (part: unknown) => typeof part === 'object' && part !== null && !Array.isArray(part);
  if (!isRecord(trailer) || trailer.format !== 1) throw new SlotLayoutError('the trailer has another format');
  checkText('recipe', trailer.recipe, /^[a-z0-9][a-z0-9-]{0,63}$/);
  checkText('version', trailer.version, /^[0-9][0-9.]{0,63}$/);
  checkText('architecture', trailer.architecture, /^[a-z0-9-]{1,16}$/);
  checkText('rootHash', trailer.rootHash, /^[0-9a-f]{64}$/);
  if (!isRecord(trailer.root) || !isRecord(trailer.uki))
    throw new SlotLayoutError('the trailer lacks its parts');
  checkText('uki.sha256', trailer.uki.sha256, /^[0-9a-f]{64}$/);
  const numbers = [
    trailer.root.offsetBytes,
    trailer.root.sizeBytes,
    trailer.hashOffsetBytes,
    trailer.uki.offsetBytes,
    trailer.uki.sizeBytes,
  ];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) {
    throw new SlotLayoutError('the trailer has sizes that are not whole numbers');
  }
  const isInOrder =
    trailer.root.offsetBytes === 0 &&
    trailer.hashOffsetBytes % slotBlockBytes === 0 &&
    trailer.hashOffsetBytes < trailer.root.sizeBytes &&
    trailer.uki.offsetBytes === alignToBlock(trailer.root.sizeBytes) &&
    trailer.uki.sizeBytes > 0;
  if (!isInOrder) throw new SlotLayoutError('the parts of the slot do not follow each other');
  return trailer;
}

function checkText(name: string, value: unknown, pattern: RegExp): void {
  if (typeof value !== 'string' || !pattern.test(value))
    throw new SlotLayoutError(`the trailer has no good ${name}`);
}

function viewOf(bytes: Uint8Array, atLeastBytes: number, what: string): DataView {
  if (bytes.length < atLeastBytes) throw new SlotLayoutError(`the slot ends before ${what}`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textAt(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let index = offset; index < Math.min(offset + length, bytes.length); index++) {
    text += String.fromCharCode(bytes[index] as number);
  }
  return text;
}
