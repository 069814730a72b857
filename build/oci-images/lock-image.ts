import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Architecture } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { checkSignature } from './check-signature.ts';
import { fetchImage, storeDocument } from './fetch-image.ts';
import { imageError, parsing } from './image-error.ts';
import {
  chooseManifest,
  describePlatforms,
  type ImageIndex,
  isForMachine,
  parseConfiguration,
  parseTop,
} from './image-manifest.ts';
import { type ImageOrigin, withOrigin } from './image-origin.ts';
import type { ImageRequest } from './image-request.ts';
import type { LockedImage } from './locked-image.ts';

/**
 * Follows a reference to a manifest for the architecture, and has all of it in the store, checked. Errors: IMAGE_NOT_FOUND,
 * IMAGE_ACCESS_DENIED, IMAGE_SIGNATURE_INVALID, IMAGE_ARCHITECTURE_MISSING, IMAGE_DAMAGED, IMAGE_UNSUPPORTED, REGISTRY_UNREACHABLE,
 * REGISTRY_UNTRUSTED, CREDENTIALS_UNREADABLE.
 */
export function lockImage(
  workshop: Workshop,
  request: ImageRequest,
  architecture: Architecture,
): Promise<LockedImage> {
  return withOrigin(workshop, request, async (origin, folder) => {
    const top = await readPinned(request, origin);
    const manifest = await followIndex(request, origin, top, architecture);
    const { source, key } = request;
    if (key !== undefined && source.kind === 'registry') {
      const digests = [digestOf(top), digestOf(manifest)];
      await checkSignature(workshop, request, source, key, digests, folder);
    }
    const reference = { sha256: hexDigestOf(manifest), sizeBytes: manifest.length };
    await storeDocument(workshop.store, request, reference, manifest);
    const { config } = await fetchImage(workshop, request, reference, (work) => work(origin, folder));
    const configuration = await readFile(workshop.store.blobPath(config.sha256));
    const parsed = parsing(request, () => parseConfiguration(configuration));
    if (!isForMachine(parsed, architecture)) {
      throw architectureMissing(request, architecture, `${parsed.os}/${parsed.architecture}`);
    }
    return {
      image: request.reference,
      digest: digestOf(top),
      manifestSha256: reference.sha256,
      manifestBytes: reference.sizeBytes,
    };
  });
}

/** A digest in the recipe is what the recipe's author saw; a registry has no say in it. */
async function readPinned(request: ImageRequest, origin: ImageOrigin): Promise<Buffer> {
  const bytes = await origin.readTop();
  const pinned = request.source.kind === 'registry' ? request.source.digest : undefined;
  if (pinned !== undefined && digestOf(bytes) !== pinned) throw otherDigest(request, digestOf(bytes), pinned);
  return bytes;
}

async function followIndex(
  request: ImageRequest,
  origin: ImageOrigin,
  top: Buffer,
  architecture: Architecture,
): Promise<Buffer> {
  const parsed = parsing(request, () => parseTop(top));
  if (parsed.kind === 'manifest') return top;
  const { digest } = chooseFrom(request, parsed.index, architecture);
  const bytes = await origin.readManifest(digest);
  if (digestOf(bytes) !== digest) throw otherDigest(request, digestOf(bytes), digest);
  return bytes;
}

function chooseFrom(request: ImageRequest, index: ImageIndex, architecture: Architecture) {
  const chosen = chooseManifest(index, architecture);
  if (chosen !== undefined) return chosen;
  throw architectureMissing(request, architecture, describePlatforms(index));
}

function architectureMissing(request: ImageRequest, architecture: Architecture, platforms: string) {
  return imageError(request, {
    code: 'IMAGE_ARCHITECTURE_MISSING',
    reason: `it is not for ${architecture} machines, but for ${platforms}`,
    hint: 'Name an image for that architecture.',
  });
}

function otherDigest(request: ImageRequest, found: string, wanted: string) {
  return imageError(request, {
    code: 'IMAGE_DAMAGED',
    class: 'network',
    reason: `what was sent has the digest ${found}, not ${wanted}`,
    hint: 'Ask another registry, or correct the digest.',
  });
}

function hexDigestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function digestOf(bytes: Buffer): string {
  return `sha256:${hexDigestOf(bytes)}`;
}
