import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

/** Data and hash blocks. */
export const blockBytes = 4096;
const digestBytes = 32;
const chunkBytes = 256 * blockBytes;

export interface HashTree {
  /** Lower-case hexadecimal. */
  readonly rootHash: string;
  /** Levels from the top block down to the digests of the data, without a superblock. */
  readonly bytes: Buffer;
}

/**
 * dm-verity's hash tree (format 1, SHA-256) over the first `dataSizeBytes` of a file,
 * https://docs.kernel.org/admin-guide/device-mapper/verity.html. Made here and not by veritysetup so that
 * the one code both writes trees and checks those of others.
 */
export async function makeHashTree(
  path: string,
  dataSizeBytes: number,
  salt: Uint8Array,
  signal?: AbortSignal,
): Promise<HashTree> {
  if (dataSizeBytes % blockBytes !== 0 || dataSizeBytes < 2 * blockBytes)
    throw new Error(`a hash tree is over two or more whole blocks, not over ${dataSizeBytes} bytes`);
  const file = await open(path, 'r');
  try {
    const levels = [await digestData(file, dataSizeBytes, salt, signal)];
    while ((levels[0] as Buffer).length > blockBytes) levels.unshift(digestBlocks(levels[0] as Buffer, salt));
    return {
      rootHash: digestBlock(levels[0] as Buffer, salt).toString('hex'),
      bytes: Buffer.concat(levels),
    };
  } finally {
    await file.close();
  }
}

async function digestData(
  file: FileHandle,
  sizeBytes: number,
  salt: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  const chunk = Buffer.alloc(chunkBytes);
  for (let position = 0; position < sizeBytes; ) {
    signal?.throwIfAborted();
    const wanted = Math.min(chunkBytes, sizeBytes - position);
    const { bytesRead } = await file.read(chunk, 0, wanted, position);
    if (bytesRead !== wanted) throw new Error('the file ends before its data does');
    for (let offset = 0; offset < wanted; offset += blockBytes)
      parts.push(digestBlock(chunk.subarray(offset, offset + blockBytes), salt));
    position += wanted;
  }
  return padToBlock(Buffer.concat(parts));
}

function digestBlocks(level: Buffer, salt: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < level.length; offset += blockBytes)
    parts.push(digestBlock(level.subarray(offset, offset + blockBytes), salt));
  return padToBlock(Buffer.concat(parts));
}

function digestBlock(block: Uint8Array, salt: Uint8Array): Buffer {
  return createHash('sha256').update(salt).update(block).digest();
}

function padToBlock(bytes: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes);
  bytes.copy(padded);
  return padded;
}

/** SHA-256 of each block, one after the other: RAUC's block-hash-index of an image. */
export async function makeBlockHashIndex(
  path: string,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const digests = await digestData(file, sizeBytes, new Uint8Array(0), signal);
    return digests.subarray(0, (sizeBytes / blockBytes) * digestBytes);
  } finally {
    await file.close();
  }
}
