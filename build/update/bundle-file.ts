import { type FileHandle, open } from 'node:fs/promises';
import { KeelsonError } from '../errors/keelson-error.ts';
import { bundleInvalid, bundleTruncated } from './bundle-errors.ts';
import { blockBytes } from './hash-tree.ts';

/** RAUC 1.13 reads no larger signature (MAX_BUNDLE_SIGNATURE_SIZE of its src/bundle.c). */
export const largestSignatureBytes = 64 * 1024;

/** Where the parts of a bundle lie; whether any of it can be trusted is another question. */
export interface BundleParts {
  readonly sizeBytes: number;
  /** squashfs ‖ hash tree. */
  readonly payloadSizeBytes: number;
  /** CMS SignedData in DER. */
  readonly signature: Buffer;
}

/** The last eight bytes of a bundle: the size of its signature, big-endian. */
export function encodeSignatureSize(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(sizeBytes));
  return bytes;
}

/** Whether a file begins as a bundle does; a disk and a recipe do not. */
export async function isBundleFile(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    return (await readAt(file, 0, 4)).toString('latin1') === squashfsMagic;
  } finally {
    await file.close();
  }
}

const squashfsMagic = 'hsqs';

/** Finds the parts of a bundle; BUNDLE_UNREADABLE, BUNDLE_INVALID, BUNDLE_TRUNCATED. */
export async function readBundleParts(path: string): Promise<BundleParts> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new KeelsonError({
      code: 'BUNDLE_UNREADABLE',
      class: 'input',
      message: `Cannot open the update bundle ${path}`,
      place: { file: path },
      hint: 'Check the path and whether you may read the file.',
      cause,
    });
  });
  try {
    const { size } = await file.stat();
    const superblock = await readAt(file, 0, 96);
    if (superblock.length < 96 || superblock.toString('latin1', 0, 4) !== squashfsMagic)
      throw bundleInvalid(path, 'it does not begin as one');
    // https://dr-emann.github.io/squashfs/squashfs.html: `bytes used`, to which mksquashfs adds up to a whole block.
    const usedBytes = Number(superblock.readBigUInt64LE(40));
    if (usedBytes > size)
      throw bundleTruncated(path, `it should have more than ${usedBytes} bytes, it has ${size}`);
    const signatureBytes = Number((await readAt(file, size - 8, 8)).readBigUInt64BE());
    const payloadSizeBytes = size - 8 - signatureBytes;
    if (signatureBytes < 1 || signatureBytes > largestSignatureBytes || payloadSizeBytes < usedBytes)
      throw bundleTruncated(path, 'there is no signature at its end');
    const signature = await readAt(file, payloadSizeBytes, signatureBytes);
    // A DER sequence with a length of two bytes or more; anything else is a piece of payload that looks like a size.
    if (signature[0] !== 0x30) throw bundleTruncated(path, 'there is no signature at its end');
    if (payloadSizeBytes % blockBytes !== 0) throw bundleInvalid(path, 'its payload is not in whole blocks');
    return { sizeBytes: size, payloadSizeBytes, signature };
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  const { bytesRead } = await file.read(bytes, 0, sizeBytes, Math.max(0, position));
  return bytes.subarray(0, bytesRead);
}

/** A piece of a file that is known to be there. */
export async function readPart(path: string, offsetBytes: number, sizeBytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return await readAt(file, offsetBytes, sizeBytes);
  } finally {
    await file.close();
  }
}
