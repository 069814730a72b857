import { join } from 'node:path';
import type { Workshop } from '../tools/workshop.ts';
import { asImageError } from './image-error.ts';
import type { ImageOrigin, OriginFolders } from './image-origin.ts';
import { type ImageSource, manifestReference } from './image-reference.ts';
import type { ImageRequest } from './image-request.ts';
import { openRegistryAccess, type RegistryAccess } from './registry-access.ts';

/** What skopeo writes beside a blob, and a manifest in another format, are small. */
const slackBytes = 16 * 1024 ** 2;

/** An image in a registry, through skopeo(1). */
export async function openRegistry(
  workshop: Workshop,
  request: ImageRequest,
  source: Extract<ImageSource, { kind: 'registry' }>,
  { work, access: accessFolder }: OriginFolders,
): Promise<ImageOrigin> {
  const access = await openRegistryAccess(workshop, request, accessFolder);
  const skopeo = (words: readonly string[], limits: Limits = {}) =>
    runSkopeo(workshop, request, access, words, limits);
  const inspect = async (words: readonly string[]) => {
    const { stdout } = await skopeo(['inspect', '--retry-times', '2', ...words]);
    return Buffer.from(stdout);
  };
  const inRegistry = (digest: string) => `docker://${manifestReference(source, digest)}`;
  const { registry, repository, tag, digest: pinned } = source;
  const top = pinned === undefined ? `docker://${registry}/${repository}:${tag}` : inRegistry(pinned);
  return {
    readTop: () => inspect(['--raw', top]),
    readManifest: (digest) => inspect(['--raw', inRegistry(digest)]),
    readConfiguration: (digest) => inspect(['--raw', '--config', inRegistry(digest)]),
    async fetchLayers(digest, layers, blobs) {
      const largest = Math.max(0, ...layers.map(({ sizeBytes }) => sizeBytes));
      const copy = [
        ...['copy', '--quiet', '--retry-times', '2', '--remove-signatures'],
        // Blobs as they are: anything else would have another digest.
        ...['--dest-oci-accept-uncompressed-layers', '--dest-shared-blob-dir', blobs],
        ...[inRegistry(digest), `oci:${join(work, 'copy')}:copy`],
      ];
      await skopeo(copy, { writable: [work], fileBytes: largest + slackBytes });
      return ({ sha256 }) => join(blobs, 'sha256', sha256);
    },
  };
}

interface Limits {
  readonly writable?: readonly string[];
  /** No file that is written may become larger, whatever a registry sends; setrlimit(2). */
  readonly fileBytes?: number;
}

/**
 * Without a policy for signatures: cosign checks those. What skopeo gives is checked by its digest.
 */
async function runSkopeo(
  workshop: Workshop,
  request: ImageRequest,
  { environment, readOnly }: RegistryAccess,
  words: readonly string[],
  { writable = [], fileBytes = slackBytes }: Limits,
) {
  const tools = await workshop.openTools('oci');
  try {
    return await tools.run({
      file: '/usr/bin/prlimit',
      arguments: [`--fsize=${fileBytes}`, '/usr/bin/skopeo', '--insecure-policy', ...words],
      environment,
      readOnly,
      writable,
      hasNetwork: true,
    });
  } catch (error) {
    throw asImageError(request, error);
  }
}

/** No part of an archive may become larger. */
const archiveBytes = 8 * 1024 ** 3;

/** Puts an archive's layouts into a folder. */
export async function unpackArchive(
  workshop: Workshop,
  request: ImageRequest,
  archive: { readonly path: string; readonly tag: string | undefined },
  folder: string,
): Promise<void> {
  const tools = await workshop.openTools('oci');
  const name = archive.tag === undefined ? archive.path : `${archive.path}:${archive.tag}`;
  try {
    await tools.run({
      file: '/usr/bin/prlimit',
      arguments: [
        ...[
          `--fsize=${archiveBytes}`,
          '/usr/bin/skopeo',
          '--insecure-policy',
          '--tmpdir',
          folder,
          'copy',
          '--quiet',
          '--all',
          '--preserve-digests',
        ],
        ...[
          '--dest-oci-accept-uncompressed-layers',
          `oci-archive:${name}`,
          `oci:${join(folder, 'layout')}:copy`,
        ],
      ],
      readOnly: [archive.path],
      writable: [folder],
    });
  } catch (error) {
    throw asImageError(request, error);
  }
}
