import { makeLoaderFiles } from '../boot/make-boot-files.ts';
import { makeUnifiedKernelImage } from '../boot/make-unified-kernel-image.ts';
import { addKernel } from '../boot/unified-kernel-image.ts';
import { openLockedPackages } from '../debian/open-packages.ts';
import { makeDiskImage } from '../disk/make-disk-image.ts';
import { makeSlotImage } from '../disk/make-slot-image.ts';
import { prepareKernel } from '../kernel/prepare-kernel.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import { openLockedImages } from '../oci-images/open-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { composeRootfs } from '../rootfs/compose-rootfs.ts';
import { sealRootfs } from '../seal/seal-rootfs.ts';
import { compileServices } from '../services/compile-services.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import type { Workshop } from '../tools/workshop.ts';
import { describeImageFacts } from './describe-image-facts.ts';
import { describePrivileges } from './describe-privileges.ts';
import type { ShownRecipe, ShownService } from './shown.ts';

/**
 * What a recipe becomes. It goes through the same stages as a build, which after one are all in the store, so what is
 * told is what was built and not a guess.
 */
export async function showRecipe(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<ShownRecipe> {
  const packages = await openLockedPackages(workshop, recipe, lockfile);
  const images = await openLockedImages(workshop, recipe, lockfile);
  const kernel = await prepareKernel(workshop, recipe, packages);
  const bundles = await compileServices(workshop, recipe, packages, images);
  const loaderFiles = await makeLoaderFiles(workshop, recipe, packages, kernel);
  const composed = await composeRootfs(workshop, recipe, packages, kernel, bundles, {
    bootFiles: loaderFiles.files,
  });
  const sealed = await sealRootfs(workshop, recipe, composed);
  const uki = await makeUnifiedKernelImage(workshop, recipe, packages, kernel, sealed);
  const slot = await makeSlotImage(workshop, recipe, sealed, uki);
  const disk = await makeDiskImage(workshop, recipe, slot, addKernel(loaderFiles, uki));

  const given = [...composed.packages, ...uki.packages];
  const unique = new Map(given.map((locked) => [`${locked.name} ${locked.version}`, locked]));
  return {
    subject: 'recipe',
    name: recipe.name,
    version: recipe.version,
    description: recipe.description,
    architecture: recipe.architecture,
    rootHash: sealed.rootHash,
    kernelRelease: kernel.release,
    commandLine: uki.commandLine,
    images: [
      { part: 'kernel', sizeBytes: uki.kernelBytes },
      { part: 'initramfs', sizeBytes: uki.initramfsBytes },
      { part: 'unified kernel image', sizeBytes: uki.sizeBytes },
      { part: 'root with hash tree', sizeBytes: sealed.sizeBytes },
      { part: 'slot', sizeBytes: slot.sizeBytes },
      { part: 'disk', sizeBytes: disk.sizeBytes },
    ],
    parts: composed.sizes,
    packages: [...unique]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { name, version, suite }]) => ({ name, version, suite })),
    services: bundles.map(showService),
    partitions: disk.partitions,
  };
}

function showService({ service, image }: OciBundle): ShownService {
  const account = service.accounts.find(({ uid }) => uid === service.user.uid);
  return {
    name: service.name,
    description: service.description,
    kind: service.kind,
    user: service.user.uid === 0 ? 'root' : (account?.name ?? String(service.user.uid)),
    memoryBytes: service.resources.memoryBytes,
    pids: service.resources.pids,
    ports: service.ports.map(({ port, protocol }) => `${port}/${protocol}`),
    writable: service.writable,
    needs: service.needs,
    ...(image === undefined ? {} : { image: `${image.locked.image} ${image.locked.digest}` }),
    privileges: [...describePrivileges(service), ...describeImageFacts(service, image)],
    definition: service.place.file,
  };
}
