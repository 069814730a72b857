import { formatBytes } from '../errors/format-quantity.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { storedBytes } from '../rootfs/stored-bytes.ts';
import type { ByteSource } from '../rootfs/tree.ts';
import type { BlobReference, Store } from '../store/store.ts';
import type { Workshop } from '../tools/workshop.ts';
import { containerImages } from './container-images.ts';
import { fetchImage } from './fetch-image.ts';
import { imageError } from './image-error.ts';
import { withOrigin } from './image-origin.ts';
import type { ImageRequest } from './image-request.ts';
import type { LockedImage } from './locked-image.ts';
import { notLocked } from './open-image.ts';

/** An image for users' containers: pulled by the machine, or built in as it is in the registry. */
export interface LockedContainerImage {
  readonly request: ImageRequest;
  readonly locked: LockedImage;
  /** Its configuration and its layers, the lowest first, packed as they came. */
  readonly parts?: { readonly configuration: ByteSource; readonly layers: readonly ByteSource[] };
}

/** By their names in the lockfile. */
export type ContainerImageSet = ReadonlyMap<string, LockedContainerImage>;

/** The builder has one file of a root in memory at a time. */
const layerLimitBytes = 1024 ** 3;

/** The images of a recipe's containers as the lockfile pins them; what the store lacks of those that are built in is fetched by digest. */
export async function openContainerImages(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<ContainerImageSet> {
  const opened = new Map<string, LockedContainerImage>();
  for (const { key, request, isPreloaded } of containerImages(recipe)) {
    const locked = lockfile.images?.[key];
    if (locked === undefined) throw notLocked(recipe, key);
    const parts = isPreloaded ? { parts: await openParts(workshop, request, locked) } : {};
    opened.set(key, { request, locked, ...parts });
  }
  return opened;
}

async function openParts(
  workshop: Workshop,
  request: ImageRequest,
  { manifestSha256, manifestBytes }: LockedImage,
): Promise<NonNullable<LockedContainerImage['parts']>> {
  const manifest = { sha256: manifestSha256, sizeBytes: manifestBytes };
  const { config, layers } = await fetchImage(workshop, request, manifest, (work) =>
    withOrigin(workshop, request, work),
  );
  const large = layers.find(({ sizeBytes }) => sizeBytes > layerLimitBytes);
  if (large !== undefined) {
    throw imageError(request, {
      code: 'IMAGE_TOO_LARGE',
      reason: `a layer has ${formatBytes(large.sizeBytes)}, and the limit of one that is built in is ${formatBytes(layerLimitBytes)}`,
      hint: 'Write "preload: false": the machine pulls it.',
    });
  }
  return {
    configuration: bytesOfBlob(workshop.store, config),
    layers: layers.map((layer) => bytesOfBlob(workshop.store, layer)),
  };
}

function bytesOfBlob(store: Store, { sha256, sizeBytes }: BlobReference): ByteSource {
  return storedBytes(store.blobPath(sha256), 0, sizeBytes, sha256);
}
