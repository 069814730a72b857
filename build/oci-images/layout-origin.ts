import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workshop } from '../tools/workshop.ts';
import { imageError, parsing } from './image-error.ts';
import { hexOf, type ImageIndex, parseIndex } from './image-manifest.ts';
import type { ImageOrigin } from './image-origin.ts';
import type { ImageSource } from './image-reference.ts';
import type { ImageRequest } from './image-request.ts';
import { unpackArchive } from './registry-origin.ts';

type FileSource = Extract<ImageSource, { kind: 'layout' | 'archive' }>;

/** Documents of an image are small. */
const documentLimitBytes = 4 * 1024 ** 2;

/** OCI image layout specification: `index.json` names what is in `blobs/sha256/`. */
const tagAnnotation = 'org.opencontainers.image.ref.name';

/** An image in a folder of the user's. */
export async function openLayout(
  request: ImageRequest,
  { path, tag }: Pick<FileSource, 'path' | 'tag'>,
): Promise<ImageOrigin> {
  const blob = (sha256: string) => join(path, 'blobs', 'sha256', sha256);
  const readManifest = (digest: string) => readDocument(request, blob(hexOf(digest)));
  return {
    async readTop() {
      const index = parseIndexOf(request, await readDocument(request, join(path, 'index.json')));
      return readManifest(chooseEntry(request, index, tag).digest);
    },
    readManifest,
    readConfiguration: (_digest, { sha256 }) => readDocument(request, blob(sha256)),
    // Still the user's files: `adoptBlobs` copies what does not lie in the temporary folder.
    fetchLayers:
      async () =>
      ({ sha256 }) =>
        blob(sha256),
  };
}

/** The same for a tar archive of such a folder, which skopeo(1) unpacks. */
export async function openArchive(
  workshop: Workshop,
  request: ImageRequest,
  source: FileSource,
  folder: string,
): Promise<ImageOrigin> {
  await unpackArchive(workshop, request, source, folder);
  return openLayout(request, { path: join(folder, 'layout'), tag: 'copy' });
}

function parseIndexOf(request: ImageRequest, bytes: Buffer): ImageIndex {
  return parsing(request, () => parseIndex(bytes));
}

function chooseEntry(request: ImageRequest, { manifests }: ImageIndex, tag: string | undefined) {
  const tags = manifests.flatMap(({ annotations }) => annotations?.[tagAnnotation] ?? []);
  const found = manifests.filter(
    ({ annotations }) => tag === undefined || annotations?.[tagAnnotation] === tag,
  );
  const [entry, another] = found;
  if (entry !== undefined && another === undefined) return entry;
  throw imageError(request, {
    code: 'IMAGE_NOT_FOUND',
    reason: entry === undefined ? 'its index has no such tag' : 'its index has more than one image',
    hint: tags.length > 0 ? `Name one of its tags: ${tags.sort().join(', ')}.` : 'Give its images tags.',
  });
}

async function readDocument(request: ImageRequest, file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size <= documentLimitBytes) return await readFile(file);
  } catch (cause) {
    throw imageError(request, {
      code: 'IMAGE_NOT_FOUND',
      reason: `${file} cannot be read`,
      hint: 'Name a folder of the OCI image layout, with oci-layout, index.json and blobs/sha256/.',
      cause,
    });
  }
  throw imageError(request, {
    code: 'IMAGE_UNSUPPORTED',
    reason: `${file} has more than ${documentLimitBytes} bytes`,
    hint: 'Name a folder of the OCI image layout.',
  });
}
