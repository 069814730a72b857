import { makeBootFiles } from '../boot/make-boot-files.ts';
import { makeUnifiedKernelImage } from '../boot/make-unified-kernel-image.ts';
import type { OutputArtefact } from '../contract/output-artefact.ts';
import { openLockedPackages } from '../debian/open-packages.ts';
import { makeDiskImage } from '../disk/make-disk-image.ts';
import { makeSlotImage } from '../disk/make-slot-image.ts';
import { writeOutputs } from '../formats/write-outputs.ts';
import { prepareKernel } from '../kernel/prepare-kernel.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { composeRootfs } from '../rootfs/compose-rootfs.ts';
import { sealRootfs } from '../seal/seal-rootfs.ts';
import { compileServices } from '../services/compile-services.ts';
import type { Workshop } from '../tools/workshop.ts';

/** From a recipe and its lockfile to files that boot: the whole build, read top to bottom. */
export async function buildImage(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
  outputFolder: string,
): Promise<BuiltImage> {
  const packages = await openLockedPackages(workshop, recipe, lockfile);
  const kernel = await prepareKernel(workshop, recipe, packages);
  const bundles = await compileServices(workshop, recipe, packages);
  const composed = await composeRootfs(workshop, recipe, packages, kernel, bundles);
  const sealed = await sealRootfs(workshop, recipe, composed);
  const uki = await makeUnifiedKernelImage(workshop, recipe, packages, kernel, sealed);
  const slot = await makeSlotImage(workshop, recipe, sealed, uki);
  const bootFiles = await makeBootFiles(workshop, recipe, uki);
  const disk = await makeDiskImage(workshop, recipe, slot, bootFiles);
  const artefacts = await writeOutputs(workshop, recipe, { composed, sealed, uki, slot, disk }, outputFolder);
  return { rootHash: sealed.rootHash, artefacts };
}

export interface BuiltImage {
  readonly rootHash: string;
  readonly artefacts: readonly OutputArtefact[];
}
