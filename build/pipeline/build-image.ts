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
import { type BuildStage, runStage, type StepCounter } from './stages.ts';

export interface BuiltImage {
  readonly rootHash: string;
  readonly artefacts: readonly OutputArtefact[];
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
): Promise<BuiltImage> {
  const stage = <Result>(name: BuildStage, work: () => Promise<Result>) =>
    runStage(workshop, steps, name, work);

  const packages = await stage('packages', () => openLockedPackages(workshop, recipe, lockfile));
  const kernel = await stage('kernel', () => prepareKernel(workshop, recipe, packages));
  const bundles = await stage('services', () => compileServices(workshop, recipe, packages));
  const composed = await stage('compose', () => composeRootfs(workshop, recipe, packages, kernel, bundles));
  const sealed = await stage('seal', () => sealRootfs(workshop, recipe, composed));
  const uki = await stage('uki', () => makeUnifiedKernelImage(workshop, recipe, packages, kernel, sealed));
  const { slot, disk } = await stage('disk', async () => {
    const slot = await makeSlotImage(workshop, recipe, sealed, uki);
    const bootFiles = await makeBootFiles(workshop, recipe, uki);
    return { slot, disk: await makeDiskImage(workshop, recipe, slot, bootFiles) };
  });
  const artefacts = await stage('outputs', () =>
    writeOutputs(workshop, recipe, { composed, sealed, uki, slot, disk }, outputFolder),
  );
  return { rootHash: sealed.rootHash, artefacts };
}
