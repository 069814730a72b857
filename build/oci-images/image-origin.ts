import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree, temporaryPath } from '../store/open-store.ts';
import type { BlobReference } from '../store/store.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { ImageRequest } from './image-request.ts';
import { openArchive, openLayout } from './layout-origin.ts';
import { openRegistry } from './registry-origin.ts';

/** Where an image's documents and blobs come from. Nothing that it gives has been checked. */
export interface ImageOrigin {
  /** The index or manifest that the reference names. */
  readTop(): Promise<Buffer>;
  /** The index or manifest of that digest, `sha256:…`. */
  readManifest(digest: string): Promise<Buffer>;
  readConfiguration(manifestDigest: string, configuration: BlobReference): Promise<Buffer>;
  /**
   * Puts the manifest's layers into a folder, named by the hexadecimal digits of their digests; those that are there
   * already are left alone. Gives paths of files, which may be moved away.
   */
  fetchLayers(
    manifestDigest: string,
    layers: readonly BlobReference[],
    folder: string,
  ): Promise<(layer: BlobReference) => string>;
}

/** Opens the image's origin for `work`; what it needs of temporary files is gone afterwards. */
export async function withOrigin<Result>(
  workshop: Workshop,
  request: ImageRequest,
  work: (origin: ImageOrigin, folder: string) => Promise<Result>,
): Promise<Result> {
  const root = temporaryPath(workshop.store);
  const folders = { work: join(root, 'work'), access: join(root, 'access') };
  try {
    for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
    return await work(await openOrigin(workshop, request, folders), folders.work);
  } finally {
    await removeTree(root);
  }
}

/** What tools may write to, and what they may only read. */
export interface OriginFolders {
  readonly work: string;
  readonly access: string;
}

function openOrigin(workshop: Workshop, request: ImageRequest, folders: OriginFolders): Promise<ImageOrigin> {
  const { source } = request;
  switch (source.kind) {
    case 'registry':
      return openRegistry(workshop, request, source, folders);
    case 'layout':
      return openLayout(request, source);
    case 'archive':
      return openArchive(workshop, request, source, folders.work);
  }
}
