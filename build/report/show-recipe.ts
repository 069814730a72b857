import { addKernel } from '../boot/unified-kernel-image.ts';
import { makeDiskImage } from '../disk/make-disk-image.ts';
import { makeSlotImage } from '../disk/make-slot-image.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import { containerImages } from '../oci-images/container-images.ts';
import type { ContainerImageSet } from '../oci-images/open-container-images.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import { listPrivileges, scoreExposure } from '../services/privileges.ts';
import type { Workshop } from '../tools/workshop.ts';
import { describeImageFacts } from './describe-image-facts.ts';
import type { ShownRecipe, ShownService } from './shown.ts';
import { stageRecipe } from './stage-recipe.ts';

/** What a recipe becomes. */
export async function showRecipe(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<ShownRecipe> {
  const { kernel, started, bundles, loaderFiles, composed, sealed, uki } = await stageRecipe(
    workshop,
    recipe,
    lockfile,
  );
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
    // Compiled: their users are decided.
    services: bundles.map((bundle) => showService(bundle, describeStarted(recipe, started, bundle))),
    partitions: disk.partitions,
  };
}

/** `container/web from quay.io/org/web:1.0 sha256:…, built in`. */
function describeStarted(recipe: Recipe, opened: ContainerImageSet, { service }: OciBundle): string[] {
  return containerImages(recipe).flatMap(({ key, engine, isPreloaded }) => {
    const locked = opened.get(key)?.locked;
    if (engine !== service.name || locked === undefined) return [];
    return `${key} from ${locked.image} ${locked.digest}, ${isPreloaded ? 'built in' : 'pulled'}`;
  });
}

function showService({ service, image }: OciBundle, starts: readonly string[]): ShownService {
  const privileges = listPrivileges(service);
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
    imageFacts: describeImageFacts(service, image),
    ...(starts.length === 0 ? {} : { starts }),
    hasOwnUsers: service.namespaces.user === 'own',
    privileges,
    exposure: scoreExposure(privileges),
    definition: service.place.file,
  };
}
