import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import { lockfilePath } from '../lock/lockfile-io.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { storedBytes } from '../rootfs/stored-bytes.ts';
import type { Tree } from '../rootfs/tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { type AppliedLayer, applyLayers } from './apply-layers.ts';
import { fetchImage } from './fetch-image.ts';
import { imageError, parsing } from './image-error.ts';
import { type ImageConfiguration, type ImageLayer, parseConfiguration } from './image-manifest.ts';
import { withOrigin } from './image-origin.ts';
import type { ImageRequest } from './image-request.ts';
import { indexLayer, indexLayerModule } from './index-layer.ts';
import { type LayerContents, type LayerFacts, layerDataFile, layerFile } from './layer-contents.ts';
import type { LockedImage } from './locked-image.ts';
import { LayerFault, readLayer } from './read-layer.ts';

/** An image, fetched and checked: what a service can be made of. */
export interface OpenedImage {
  readonly locked: LockedImage;
  readonly configuration: ImageConfiguration;
  readonly tree: Tree;
  readonly facts: LayerFacts;
}

/** By the name of the service. */
export type ImageSet = ReadonlyMap<string, OpenedImage>;

/**
 * The images of a recipe's services as the lockfile pins them; what the store lacks is fetched by digest. After this no image is
 * read in any other way, and no network is needed.
 */
export async function openLockedImages(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<ImageSet> {
  const opened = new Map<string, OpenedImage>();
  for (const { name, image } of recipe.services) {
    if (image === undefined) continue;
    const locked = lockfile.images?.[name];
    if (locked === undefined) throw notLocked(recipe, name);
    opened.set(name, await openImage(workshop, image.request, locked));
  }
  return opened;
}

/** Opens one image; see openLockedImages. */
export async function openImage(
  workshop: Workshop,
  request: ImageRequest,
  locked: LockedImage,
): Promise<OpenedImage> {
  const { store } = workshop;
  const reference = { sha256: locked.manifestSha256, sizeBytes: locked.manifestBytes };
  const { config, layers } = await fetchImage(workshop, request, reference, (work) =>
    withOrigin(workshop, request, work),
  );
  const configurationText = await readFile(store.blobPath(config.sha256));
  const configuration = parsing(request, () => parseConfiguration(configurationText));
  const diffs = configuration.diffDigests;
  if (diffs.length !== layers.length) {
    throw unsafe(request, `it has ${layers.length} layers, and its configuration tells of ${diffs.length}`);
  }
  try {
    const opened = [];
    for (const [index, layer] of layers.entries()) {
      workshop.host.signal.throwIfAborted();
      opened.push(await openLayer(workshop, layer, diffs[index] as string));
    }
    const origin = `OCI image ${request.reference}`;
    return { locked, configuration, tree: applyLayers(opened, origin), facts: addFacts(opened) };
  } catch (error) {
    throw error instanceof LayerFault ? unsafe(request, error.message, error) : error;
  }
}

async function openLayer(
  { store }: Workshop,
  { sha256, packing }: ImageLayer,
  diffSha256: string,
): Promise<AppliedLayer & LayerContents> {
  const { folder } = await store.step(
    {
      title: `open layer ${sha256.slice(0, 12)}`,
      moduleUrl: indexLayerModule,
      inputs: { layer: sha256, packing, diff: diffSha256 },
    },
    (output) => indexLayer(readLayer(store.blobPath(sha256), packing, diffSha256), output),
  );
  const contents = JSON.parse(await readFile(join(folder, layerFile), 'utf8')) as LayerContents;
  const dataPath = join(folder, layerDataFile);
  return { ...contents, contentAt: (offset, size, digest) => storedBytes(dataPath, offset, size, digest) };
}

function addFacts(layers: readonly LayerContents[]): LayerFacts {
  const sum = (read: (facts: LayerFacts) => number) =>
    layers.reduce((total, { facts }) => total + read(facts), 0);
  return {
    setIdFiles: sum(({ setIdFiles }) => setIdFiles),
    capabilityFiles: sum(({ capabilityFiles }) => capabilityFiles),
    devices: sum(({ devices }) => devices),
    pipes: sum(({ pipes }) => pipes),
  };
}

function unsafe(request: ImageRequest, reason: string, cause?: unknown): KeelsonError {
  return imageError(request, {
    code: 'IMAGE_UNSAFE',
    reason,
    hint: 'Do not use this image; no honest tool makes one like it.',
    cause,
  });
}

/** The lockfile lacks an image, by its name there. */
export function notLocked(recipe: Recipe, name: string): KeelsonError {
  return new KeelsonError({
    code: 'LOCKFILE_OUTDATED',
    class: 'input',
    message: `Cannot build ${recipe.name}: its lockfile has no image for ${name}`,
    place: { file: lockfilePath(recipe) },
    hint: `Run \`keelson lock ${recipe.argument}\`.`,
  });
}
