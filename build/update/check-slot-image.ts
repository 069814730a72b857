import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { planSlot, readSlotTrailer, type SlotReader, type SlotTrailer } from '../contract/slot-layout.ts';
import { blockBytes, makeHashTree } from './hash-tree.ts';
import { readUkiFacts } from './uki-facts.ts';

/** Why a machine could not start a slot image. */
export class SlotImageFault extends Error {
  override readonly name = 'SlotImageFault';
}

/** dm-verity's superblock: 16-bit length of the salt, then the salt. https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity */
const saltAt = { lengthBytes: 80, bytes: 88 };

/**
 * Holds everything in a slot image against everything else: layout, trailer, hash tree over the root, digest of the unified
 * kernel image, and the root hash that it will demand. Throws SlotImageFault.
 */
export async function checkSlotImage(path: string, signal?: AbortSignal): Promise<SlotTrailer> {
  const file = openSync(path, 'r');
  try {
    const read = (offsetBytes: number, sizeBytes: number): Buffer => {
      const bytes = Buffer.alloc(sizeBytes);
      return bytes.subarray(0, readSync(file, bytes, 0, sizeBytes, offsetBytes));
    };
    const trailer = readTrailer(read);
    const { root, uki } = trailer;
    if (planSlot(root.sizeBytes, uki.sizeBytes).sizeBytes !== fstatSync(file).size)
      throw new SlotImageFault('there is something after the trailer of its slot image');
    await checkRoot(path, trailer, read, signal);
    checkKernel(trailer, read(uki.offsetBytes, uki.sizeBytes));
    return trailer;
  } finally {
    closeSync(file);
  }
}

/** As a machine finds it. */
function readTrailer(read: SlotReader): SlotTrailer {
  try {
    return readSlotTrailer(read);
  } catch (error) {
    if ((error as Error).name !== 'SlotLayoutError') throw error;
    throw new SlotImageFault(`in its slot image, ${(error as Error).message}`);
  }
}

async function checkRoot(
  path: string,
  { hashOffsetBytes, rootHash }: SlotTrailer,
  read: (offsetBytes: number, sizeBytes: number) => Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const superblock = read(hashOffsetBytes, blockBytes);
  const saltBytes = superblock.readUInt16LE(saltAt.lengthBytes);
  const salt = superblock.subarray(saltAt.bytes, saltAt.bytes + saltBytes);
  const tree = await makeHashTree(path, hashOffsetBytes, salt, signal);
  if (tree.rootHash !== rootHash)
    throw new SlotImageFault('its root does not have the root hash that its trailer names');
  if (!read(hashOffsetBytes + blockBytes, tree.bytes.length).equals(tree.bytes))
    throw new SlotImageFault('its hash tree is not that of its root');
}

function checkKernel({ uki, rootHash, version }: SlotTrailer, image: Buffer): void {
  if (createHash('sha256').update(image).digest('hex') !== uki.sha256)
    throw new SlotImageFault('its unified kernel image is not the one that its trailer names');
  const facts = readUkiFacts(image);
  if (facts.rootHash !== rootHash)
    throw new SlotImageFault('its unified kernel image would demand a root with another root hash');
  if (facts.version !== version)
    throw new SlotImageFault(
      `the boot loader would sort it as version ${facts.version ?? 'unknown'}, not as ${version}`,
    );
}
