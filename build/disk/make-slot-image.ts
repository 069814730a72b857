import { closeSync, openSync, readSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnifiedKernelImage } from '../boot/unified-kernel-image.ts';
import { encodeSlotTrailer, planSlot, readSlotTrailer, type SlotTrailer } from '../contract/slot-layout.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import { writeWhole } from '../store/write-whole.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { SlotImage } from './disk-image.ts';
import { copyIntoSparse, digestFile, writeSparseFile } from './sparse-file.ts';

/** The content of one slot as a file: what a fresh disk has in slot a, and what an update will write. */
export async function makeSlotImage(
  workshop: Workshop,
  recipe: Recipe,
  sealed: SealedRootfs,
  uki: UnifiedKernelImage,
): Promise<SlotImage> {
  const plan = planSlot(sealed.sizeBytes, uki.sizeBytes);
  const trailer: SlotTrailer = {
    format: 1,
    recipe: recipe.name,
    version: recipe.version,
    architecture: recipe.architecture,
    rootHash: sealed.rootHash,
    root: plan.root,
    hashOffsetBytes: sealed.hashOffsetBytes,
    uki: { ...plan.uki, sha256: uki.sha256 },
  };
  const step = await workshop.store.step(
    { title: 'make slot image', moduleUrl: import.meta.url, inputs: { root: sealed.sha256, trailer } },
    async (folder) => {
      const path = join(folder, 'slot.img');
      await writeSparseFile(path, plan.sizeBytes, async (file) => {
        await copyIntoSparse(file, sealed.path, plan.root.offsetBytes);
        await copyIntoSparse(file, uki.path, plan.uki.offsetBytes);
        await writeWhole(file, encodeSlotTrailer(trailer), plan.trailerOffsetBytes);
      });
      checkFound(path, trailer);
      await writeFile(join(folder, 'slot.json'), `${JSON.stringify({ sha256: await digestFile(path) })}\n`);
    },
  );
  const { sha256 } = JSON.parse(await readFile(join(step.folder, 'slot.json'), 'utf8')) as { sha256: string };
  return { path: join(step.folder, 'slot.img'), sizeBytes: plan.sizeBytes, sha256 };
}

/** A machine finds the trailer by the headers of what lies before it; that must work for what was just written. */
function checkFound(path: string, trailer: SlotTrailer): void {
  const file = openSync(path, 'r');
  try {
    const found = readSlotTrailer((offsetBytes, sizeBytes) => {
      const bytes = new Uint8Array(sizeBytes);
      return bytes.subarray(0, readSync(file, bytes, 0, sizeBytes, offsetBytes));
    });
    if (JSON.stringify(found) !== JSON.stringify(trailer))
      throw new Error('the trailer of the slot reads back differently');
  } finally {
    closeSync(file);
  }
}
