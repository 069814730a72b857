import { makeLoaderFiles } from '../boot/make-boot-files.ts';
import { makeUnifiedKernelImage } from '../boot/make-unified-kernel-image.ts';
import { type SecureBoot, signLoaderFiles, signUki } from '../boot/sign-boot-files.ts';
import { addKernel, type BootFiles, type UnifiedKernelImage } from '../boot/unified-kernel-image.ts';
import type { OutputArtefact } from '../contract/output-artefact.ts';
import { openLockedPackages } from '../debian/open-packages.ts';
import { checkImageBudget } from '../disk/check-image-budget.ts';
import type { SlotImage } from '../disk/disk-image.ts';
import { makeDiskImage, planRecipeDisk } from '../disk/make-disk-image.ts';
import { makeSlotImage } from '../disk/make-slot-image.ts';
import { writeOutputs } from '../formats/write-outputs.ts';
import { prepareKernel } from '../kernel/prepare-kernel.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import { openContainerImages } from '../oci-images/open-container-images.ts';
import { openLockedImages } from '../oci-images/open-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { composeRootfs } from '../rootfs/compose-rootfs.ts';
import type { ComposedRootfs } from '../rootfs/composed-rootfs.ts';
import type { TrustFiles } from '../rootfs/trust-files.ts';
import { sealRootfs } from '../seal/seal-rootfs.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import { compileServices } from '../services/compile-services.ts';
import type { Workshop } from '../tools/workshop.ts';
import { makeUpdateBundle, type UpdateBundleOptions } from '../update/make-update-bundle.ts';
import type { UpdateBundle } from '../update/update-bundle.ts';
import { type BuildStage, runStage, type StepCounter } from './stages.ts';

export interface BuiltImage {
  readonly rootHash: string;
  readonly artefacts: readonly OutputArtefact[];
}

export interface BootSigning {
  /** Whom machines trust for updates. */
  readonly trust?: TrustFiles;
  /** Left out, nothing that boots is signed, and machines must have Secure Boot off. */
  readonly secureBoot?: SecureBoot;
}

/** Everything up to what one slot holds, which disks and update bundles share. */
export interface BuiltSlot {
  readonly composed: ComposedRootfs;
  readonly sealed: SealedRootfs;
  readonly uki: UnifiedKernelImage;
  readonly slot: SlotImage;
  readonly bootFiles: BootFiles;
}

/**
 * From a recipe and its lockfile to files that boot: the whole build, read top to bottom. Nothing after the first
 * stage needs a network.
 */
export async function buildImage(
  workshop: Workshop,
  steps: StepCounter,
  recipe: Recipe,
  lockfile: Lockfile,
  outputFolder: string,
  signing: BootSigning = {},
): Promise<BuiltImage> {
  const stage = stageRunner(workshop, steps);

  const built = await buildSlot(workshop, steps, recipe, lockfile, signing);
  const { sealed, slot, bootFiles } = built;
  const disk = await stage('disk', () => makeDiskImage(workshop, recipe, slot, bootFiles));
  const artefacts = await stage('outputs', () =>
    writeOutputs(workshop, recipe, { ...built, disk }, outputFolder),
  );
  return { rootHash: sealed.rootHash, artefacts };
}

export async function buildSlot(
  workshop: Workshop,
  steps: StepCounter,
  recipe: Recipe,
  lockfile: Lockfile,
  { secureBoot, trust }: BootSigning = {},
): Promise<BuiltSlot> {
  const stage = stageRunner(workshop, steps);

  const { packages, images, containerImages } = await stage('packages', async () => ({
    packages: await openLockedPackages(workshop, recipe, lockfile),
    images: await openLockedImages(workshop, recipe, lockfile),
    containerImages: await openContainerImages(workshop, recipe, lockfile),
  }));
  const kernel = await stage('kernel', () => prepareKernel(workshop, recipe, packages));
  const bundles = await stage('services', () =>
    compileServices(workshop, recipe, packages, images, containerImages),
  );
  const { composed, loaderFiles } = await stage('compose', async () => {
    const unsigned = await makeLoaderFiles(workshop, recipe, packages, kernel);
    const loaderFiles =
      secureBoot === undefined ? unsigned : await signLoaderFiles(workshop, secureBoot, unsigned);
    const given = { trust, bootFiles: loaderFiles.files };
    return {
      composed: await composeRootfs(workshop, recipe, packages, kernel, bundles, given),
      loaderFiles,
    };
  });
  const sealed = await stage('seal', () => sealRootfs(workshop, recipe, composed));
  const uki = await stage('uki', async () => {
    const unsigned = await makeUnifiedKernelImage(workshop, recipe, packages, kernel, sealed);
    return secureBoot === undefined ? unsigned : await signUki(workshop, secureBoot, unsigned);
  });
  checkImageBudget(recipe, {
    ukiBytes: uki.sizeBytes,
    rootBytes: sealed.sizeBytes,
    parts: composed.sizes,
  });
  return stage('slot', async () => {
    const slot = await makeSlotImage(workshop, recipe, sealed, uki);
    return { composed, sealed, uki, slot, bootFiles: addKernel(loaderFiles, uki) };
  });
}

/** From a recipe and its lockfile to a signed update bundle; no disk is made, but it must fit the recipe's. */
export async function buildBundle(
  workshop: Workshop,
  steps: StepCounter,
  recipe: Recipe,
  lockfile: Lockfile,
  options: UpdateBundleOptions & BootSigning,
): Promise<UpdateBundle> {
  const stage = stageRunner(workshop, steps);

  const { slot, bootFiles } = await buildSlot(workshop, steps, recipe, lockfile, options);
  return stage('bundle', async () => {
    await planRecipeDisk(recipe, slot, bootFiles);
    return makeUpdateBundle(workshop, recipe, slot, options);
  });
}

function stageRunner(workshop: Workshop, steps: StepCounter) {
  return <Result>(name: BuildStage, work: () => Promise<Result>) => runStage(workshop, steps, name, work);
}
