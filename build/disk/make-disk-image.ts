import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootFiles } from '../boot/unified-kernel-image.ts';
import { espLayout, partitionLabels } from '../contract/machine-layout.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { DiskImage, PartitionExtent, SlotImage } from './disk-image.ts';
import { makeEsp } from './make-esp.ts';
import { partitionScript } from './partition-script.ts';
import { type DiskPlan, planDisk } from './plan-disk.ts';
import { copyIntoSparse, digestFile, writeSparseFile } from './sparse-file.ts';

/** A fresh disk: ESP, slot a written, slot b and state empty (the machine makes the state's file system and grows it). */
export async function makeDiskImage(
  workshop: Workshop,
  recipe: Recipe,
  slot: SlotImage,
  bootFiles: BootFiles,
): Promise<DiskImage> {
  const plan = await planRecipeDisk(recipe, slot, bootFiles);
  const tools = await workshop.openTools('image');
  const step = await workshop.store.step(
    {
      title: 'make disk image',
      moduleUrl: import.meta.url,
      inputs: {
        plan,
        slot: slot.sha256,
        bootFiles: bootFiles.files.map(({ path, sha256 }) => [path, sha256]),
        tools: tools.id,
      },
    },
    async (folder) => {
      const disk = join(folder, 'disk.raw');
      const espPath = join(folder, 'esp.fat');
      const esp = partition(plan.partitions, partitionLabels.esp);
      const slotA = partition(plan.partitions, partitionLabels.slotA);
      await makeEsp(tools, folder, espPath, esp.sizeBytes, esp.guid, bootFiles);
      await writeSparseFile(disk, plan.sizeBytes, async (file) => {
        await copyIntoSparse(file, espPath, esp.offsetBytes);
        await copyIntoSparse(file, slot.path, slotA.offsetBytes);
      });
      await rm(espPath);
      await tools.run(
        {
          file: '/usr/sbin/sfdisk',
          arguments: ['--quiet', '--no-reread', '--no-tell-kernel', disk],
          writable: [folder],
        },
        { input: partitionScript(plan) },
      );
      await writeFile(join(folder, 'disk.json'), `${JSON.stringify({ sha256: await digestFile(disk) })}\n`);
    },
  );
  const { sha256 } = JSON.parse(await readFile(join(step.folder, 'disk.json'), 'utf8')) as { sha256: string };
  return { path: join(step.folder, 'disk.raw'), sha256, ...plan };
}

function partition(partitions: readonly PartitionExtent[], label: string): PartitionExtent {
  const found = partitions.find((each) => each.label === label);
  if (found === undefined) throw new Error(`the disk has no partition ${label}`);
  return found;
}

/** Where everything goes on a disk of the recipe; SLOT_TOO_SMALL and ESP_TOO_SMALL when it does not fit. */
export async function planRecipeDisk(
  recipe: Recipe,
  slot: Pick<SlotImage, 'sizeBytes' | 'sha256'>,
  bootFiles: BootFiles,
): Promise<DiskPlan> {
  const sizes = await Promise.all(
    bootFiles.files.map(async ({ path, source }) => ({ path, sizeBytes: (await stat(source)).size })),
  );
  return planDisk(recipe, {
    slotImageBytes: slot.sizeBytes,
    contentId: slot.sha256,
    espFileBytes: sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ukiBytes: sizes.find(({ path }) => path === espLayout.kernel.a)?.sizeBytes ?? 0,
  });
}
