import { createHash } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Sha256 } from '../../store/store.ts';
import { apportion, type SizedFile } from './size-part.ts';

export interface InitramfsFile extends SizedFile {
  readonly sha256: Sha256;
}

const zstdMagic = 0xfd2fb528;
const headerBytes = 110;
const mostUnpackedBytes = 2 ** 30;
/** For weights only: quick, and close to the order of what level 19 makes of it. */
const weighing = { params: { [constants.ZSTD_c_compressionLevel]: 6 } };

/**
 * The files of an initramfs: cpio archives one after the other, plain or as one zstd frame each, with zeros between them. What a frame
 * takes is divided by how far each of its files can be compressed alone. Throws where it finds anything else.
 */
export function readInitramfs(bytes: Buffer): readonly InitramfsFile[] {
  const files: InitramfsFile[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes[offset] === 0) {
      offset++;
      continue;
    }
    const rest = bytes.subarray(offset);
    const frameBytes = zstdFrameBytes(rest);
    if (frameBytes === undefined) {
      const { members, sizeBytes } = readCpio(rest);
      files.push(
        ...members.map(({ path, content }) => ({ ...describe(path, content), storedBytes: content.length })),
      );
      offset += sizeBytes;
      continue;
    }
    const plain = zstdDecompressSync(rest.subarray(0, frameBytes), { maxOutputLength: mostUnpackedBytes });
    const { members } = readCpio(plain);
    const portions = apportion(
      frameBytes,
      members.map(({ content }) => (content.length === 0 ? 0 : zstdCompressSync(content, weighing).length)),
    );
    files.push(
      ...members.map(({ path, content }, index) => ({
        ...describe(path, content),
        storedBytes: portions[index] as number,
        isPortion: true as const,
      })),
    );
    offset += frameBytes;
  }
  return files;
}

function describe(path: string, content: Buffer) {
  return {
    path,
    unpackedBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

/** Regular files of an archive in the "newc" format, which `writeCpio` of build/boot cites. */
function readCpio(bytes: Buffer): {
  readonly members: readonly { readonly path: string; readonly content: Buffer }[];
  readonly sizeBytes: number;
} {
  const members: { path: string; content: Buffer }[] = [];
  const align = (offset: number) => Math.ceil(offset / 4) * 4;
  for (let offset = 0; ; ) {
    const field = (index: number) =>
      Number.parseInt(bytes.toString('latin1', offset + 6 + index * 8, offset + 14 + index * 8), 16);
    if (bytes.toString('latin1', offset, offset + 6) !== '070701')
      throw new Error(`the initramfs has something unknown at ${offset}`);
    const [mode, sizeBytes, nameBytes] = [field(1), field(6), field(11)];
    const start = align(offset + headerBytes + nameBytes);
    const end = start + sizeBytes;
    if (!(nameBytes > 0 && end <= bytes.length)) throw new Error(`the initramfs is damaged at ${offset}`);
    const name = bytes.toString('utf8', offset + headerBytes, offset + headerBytes + nameBytes - 1);
    offset = align(end);
    if (name === 'TRAILER!!!') return { members, sizeBytes: offset };
    if ((mode & 0o170000) === 0o100000)
      members.push({ path: `/${name}`, content: bytes.subarray(start, end) });
  }
}

/** How long the zstd frame is that the bytes begin with (RFC 8878, 3.1.1); `undefined` when they begin with none. */
export function zstdFrameBytes(bytes: Buffer): number | undefined {
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== zstdMagic) return undefined;
  const descriptor = bytes[4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeField = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const dictionaryField = [0, 1, 2, 4][descriptor & 3] as number;
  let offset = 5 + (isSingleSegment ? 0 : 1) + dictionaryField + sizeField;
  for (let isLast = false; !isLast; ) {
    if (offset + 3 > bytes.length) throw new Error('the initramfs ends in the middle of a zstd frame');
    const header = bytes.readUIntLE(offset, 3);
    isLast = (header & 1) === 1;
    // A block of one repeated byte has that byte alone.
    offset += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  const checksumField = (descriptor & 4) === 0 ? 0 : 4;
  if (offset + checksumField > bytes.length)
    throw new Error('the initramfs ends in the middle of a zstd frame');
  return offset + checksumField;
}
