import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { encodeSlotTrailer, planSlot, type SlotTrailer, slotBlockBytes } from '../contract/slot-layout.ts';
import type { SlotImage } from '../disk/disk-image.ts';
import { makeHashTree } from '../update/hash-tree.ts';

export interface SlotFixtureOptions {
  readonly recipe?: string;
  readonly version?: string;
  /** The image says that it belongs to this root instead of its own. */
  readonly rootHashOfKernel?: string;
  readonly versionOfKernel?: string;
}

const dataBlocks = 130;
const salt = Buffer.alloc(32, 7);

/** A slot image that is right in every header and hash, and holds nothing that runs. */
export async function writeSlotFixture(
  path: string,
  options: SlotFixtureOptions = {},
): Promise<SlotImage & { readonly trailer: SlotTrailer }> {
  const { recipe = 'demo', version = '2026.11.1' } = options;
  const data = Buffer.alloc(dataBlocks * slotBlockBytes);
  for (let offset = 0; offset < data.length; offset += 32)
    createHash('sha256').update(`${offset}`).digest().copy(data, offset);
  data.fill(0, 1024, 1024 + 128);
  data.writeUInt32LE(0xe0f5e1e2, 1024);
  data.writeUInt8(12, 1024 + 12);
  data.writeUInt32LE(dataBlocks, 1024 + 36);
  await writeFile(path, data);
  const tree = await makeHashTree(path, data.length, salt);
  const root = Buffer.concat([data, veritySuperblock(), tree.bytes]);

  const uki = makeUkiFixture(
    options.rootHashOfKernel ?? tree.rootHash,
    recipe,
    options.versionOfKernel ?? version,
  );
  const plan = planSlot(root.length, uki.length);
  const trailer: SlotTrailer = {
    format: 1,
    recipe,
    version,
    architecture: 'x86-64',
    rootHash: tree.rootHash,
    root: plan.root,
    hashOffsetBytes: data.length,
    uki: { ...plan.uki, sha256: createHash('sha256').update(uki).digest('hex') },
  };
  const slot = Buffer.alloc(plan.sizeBytes);
  root.copy(slot);
  uki.copy(slot, plan.uki.offsetBytes);
  slot.set(encodeSlotTrailer(trailer), plan.trailerOffsetBytes);
  await writeFile(path, slot);
  return { path, sizeBytes: slot.length, sha256: createHash('sha256').update(slot).digest('hex'), trailer };
}

function veritySuperblock(): Buffer {
  const block = Buffer.alloc(slotBlockBytes);
  block.write('verity');
  block.writeUInt32LE(1, 8);
  block.write('sha256', 32);
  block.writeUInt32LE(slotBlockBytes, 64);
  block.writeUInt32LE(slotBlockBytes, 68);
  block.writeUInt32LE(dataBlocks, 72);
  block.writeUInt16LE(salt.length, 80);
  salt.copy(block, 88);
  return block;
}

/** PE headers with the sections that are looked at. */
export function makeUkiFixture(rootHash: string, imageId: string, version: string): Buffer {
  const image = Buffer.alloc(4096);
  image.write('MZ');
  image.writeUInt32LE(128, 60);
  image.write('PE\0\0', 128);
  image.writeUInt16LE(3, 134);
  image.writeUInt16LE(240, 148);
  image.writeUInt16LE(0x20b, 152);
  const sections = [
    { name: '.osrel', text: `ID=keelson\nIMAGE_ID=${imageId}\nIMAGE_VERSION=${version}\n`, offset: 1024 },
    { name: '.linux', text: 'kernel', offset: 1536 },
    { name: '.initrd', text: `070701/root.env\0\0ROOT_HASH=${rootHash}\nSALT=00\n\0\0`, offset: 2048 },
  ];
  for (const [index, { name, text, offset }] of sections.entries()) {
    const entry = 152 + 240 + index * 40;
    image.write(name, entry);
    image.writeUInt32LE(text.length, entry + 8);
    image.writeUInt32LE(512, entry + 16);
    image.writeUInt32LE(offset, entry + 20);
    image.write(text, offset, 'latin1');
  }
  return image.subarray(0, 2560);
}
