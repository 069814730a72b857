import { makeLoaderFiles } from '../boot/make-boot-files.ts';
import { makeUnifiedKernelImage } from '../boot/make-unified-kernel-image.ts';
import type { LoaderFiles, UnifiedKernelImage } from '../boot/unified-kernel-image.ts';
import { openLockedPackages } from '../debian/open-packages.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { prepareKernel } from '../kernel/prepare-kernel.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import { type ContainerImageSet, openContainerImages } from '../oci-images/open-container-images.ts';
import { openLockedImages } from '../oci-images/open-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { composeRootfs } from '../rootfs/compose-rootfs.ts';
import type { ComposedRootfs } from '../rootfs/composed-rootfs.ts';
import { sealRootfs } from '../seal/seal-rootfs.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import { compileServices } from '../services/compile-services.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import type { Workshop } from '../tools/workshop.ts';

export interface StagedRecipe {
  readonly kernel: Kernel;
  readonly started: ContainerImageSet;
  readonly bundles: readonly OciBundle[];
  readonly loaderFiles: LoaderFiles;
  readonly composed: ComposedRootfs;
  readonly sealed: SealedRootfs;
  readonly uki: UnifiedKernelImage;
}

/**
 * What a recipe becomes, up to what a slot holds. It goes through the same stages as a build, which after one are all in the store, so
 * what is told is what was built and not a guess. Nobody's keys are in it, and no budget stops it: whoever asks wants to know.
 */
export async function stageRecipe(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<StagedRecipe> {
  const packages = await openLockedPackages(workshop, recipe, lockfile);
  const images = await openLockedImages(workshop, recipe, lockfile);
  const started = await openContainerImages(workshop, recipe, lockfile);
  const kernel = await prepareKernel(workshop, recipe, packages);
  const bundles = await compileServices(workshop, recipe, packages, images, started);
  const loaderFiles = await makeLoaderFiles(workshop, recipe, packages, kernel);
  const composed = await composeRootfs(workshop, recipe, packages, kernel, bundles, {
    bootFiles: loaderFiles.files,
  });
  const sealed = await sealRootfs(workshop, recipe, composed);
  const uki = await makeUnifiedKernelImage(workshop, recipe, packages, kernel, sealed);
  return { kernel, started, bundles, loaderFiles, composed, sealed, uki };
}
