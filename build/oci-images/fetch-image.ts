import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryPath } from '../store/open-store.ts';
import type { BlobReference, Store } from '../store/store.ts';
import { asStoreError } from '../store/store-error.ts';
import type { Workshop } from '../tools/workshop.ts';
import { imageError, parsing } from './image-error.ts';
import { type ImageManifest, parseManifest } from './image-manifest.ts';
import type { ImageOrigin } from './image-origin.ts';
import type { ImageRequest } from './image-request.ts';

/**
 * Has the image's manifest, configuration and layers in the store, each checked by its digest; asks its origin only for what the
 * store lacks.
 */
export async function fetchImage(
  workshop: Workshop,
  request: ImageRequest,
  manifest: BlobReference,
  withImage: (work: (origin: ImageOrigin, folder: string) => Promise<void>) => Promise<void>,
): Promise<ImageManifest> {
  const { store } = workshop;
  if (!(await store.hasBlob(manifest))) {
    await withImage(async (origin) =>
      storeDocument(store, request, manifest, await origin.readManifest(`sha256:${manifest.sha256}`)),
    );
  }
  const parsed = await readStoredManifest(store, request, manifest);
  const lacking = [];
  for (const blob of [parsed.config, ...parsed.layers]) if (!(await store.hasBlob(blob))) lacking.push(blob);
  if (lacking.length > 0) {
    await withImage((origin, folder) => fetchBlobs(store, request, manifest, parsed, origin, folder));
  }
  return parsed;
}

async function fetchBlobs(
  store: Store,
  request: ImageRequest,
  manifest: BlobReference,
  { config, layers }: ImageManifest,
  origin: ImageOrigin,
  folder: string,
): Promise<void> {
  const digest = `sha256:${manifest.sha256}`;
  if (!(await store.hasBlob(config))) {
    await storeDocument(store, request, config, await origin.readConfiguration(digest, config));
  }
  const lacking: BlobReference[] = [];
  const blobs = join(folder, 'blobs');
  await mkdir(join(blobs, 'sha256'), { recursive: true });
  for (const layer of layers) {
    if (!(await store.hasBlob(layer))) lacking.push(layer);
    // What is there is not fetched again.
    else await link(store.blobPath(layer.sha256), join(blobs, 'sha256', layer.sha256)).catch(() => undefined);
  }
  if (lacking.length === 0) return;
  const pathOf = await origin.fetchLayers(digest, layers, blobs);
  for (const layer of lacking) {
    const path = pathOf(layer);
    await adoptBlob(store, request, layer, path, path.startsWith(folder));
  }
}

async function readStoredManifest(
  store: Store,
  request: ImageRequest,
  manifest: BlobReference,
): Promise<ImageManifest> {
  const bytes = await readFile(store.blobPath(manifest.sha256));
  return parsing(request, () => parseManifest(bytes));
}

/** Puts a small document into the store; IMAGE_DAMAGED when it is another one. */
export async function storeDocument(
  store: Store,
  request: ImageRequest,
  wanted: BlobReference,
  bytes: Buffer,
): Promise<void> {
  checkDigest(request, wanted, bytes.length, createHash('sha256').update(bytes).digest('hex'));
  const aside = temporaryPath(store);
  try {
    const file = await open(aside, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await putInPlace(store, wanted, aside);
  } catch (error) {
    await rm(aside, { force: true });
    throw asStoreError(store.root, `store the image ${request.reference}`, error);
  }
}

/** Puts a file into the store: moved when it is ours, copied when it is the user's. */
async function adoptBlob(
  store: Store,
  request: ImageRequest,
  wanted: BlobReference,
  path: string,
  isOurs: boolean,
): Promise<void> {
  const aside = isOurs ? path : temporaryPath(store);
  try {
    const { size } = await stat(path).catch(() => ({ size: -1 }));
    if (size !== wanted.sizeBytes)
      throw damaged(request, `it has not the ${wanted.sizeBytes} bytes of a layer`);
    if (!isOurs) await copyFile(path, aside);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(aside)) hash.update(chunk as Buffer);
    checkDigest(request, wanted, size, hash.digest('hex'));
    const file = await open(aside, 'r');
    await file.sync().finally(() => file.close());
    await putInPlace(store, wanted, aside);
  } catch (error) {
    if (!isOurs) await rm(aside, { force: true });
    throw asStoreError(store.root, `store the image ${request.reference}`, error);
  }
}

async function putInPlace(store: Store, { sha256 }: BlobReference, aside: string): Promise<void> {
  const path = store.blobPath(sha256);
  await mkdir(dirname(path), { recursive: true });
  await chmod(aside, 0o444);
  await rename(aside, path);
}

function checkDigest(request: ImageRequest, wanted: BlobReference, sizeBytes: number, sha256: string): void {
  if (sha256 === wanted.sha256 && sizeBytes === wanted.sizeBytes) return;
  throw damaged(request, `a part of it has the digest sha256:${sha256}, not sha256:${wanted.sha256}`);
}

function damaged(request: ImageRequest, reason: string) {
  return imageError(request, {
    code: 'IMAGE_DAMAGED',
    class: 'network',
    reason,
    hint: 'It was changed or cut short: fetch it from elsewhere, or lock the recipe again.',
  });
}
