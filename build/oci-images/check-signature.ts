import { KeelsonError } from '../errors/keelson-error.ts';
import type { Workshop } from '../tools/workshop.ts';
import { asImageError, imageError, lastWords } from './image-error.ts';
import { type ImageSource, manifestReference } from './image-reference.ts';
import type { GivenFile, ImageRequest } from './image-request.ts';
import { openRegistryAccess } from './registry-access.ts';

/**
 * Lets cosign(1) look for a signature by the key for one of the digests: that of the index, or that of the manifest chosen
 * from it, which is part of the index. IMAGE_SIGNATURE_INVALID when neither is signed so.
 */
export async function checkSignature(
  workshop: Workshop,
  request: ImageRequest,
  source: Extract<ImageSource, { kind: 'registry' }>,
  key: GivenFile,
  digests: readonly string[],
  folder: string,
): Promise<void> {
  const { environment, readOnly } = await openRegistryAccess(workshop, request, folder);
  const tools = await workshop.openTools('cosign');
  let failure: unknown;
  for (const digest of new Set(digests)) {
    try {
      await tools.run({
        file: '/usr/bin/cosign',
        arguments: [
          // Private registries are in no transparency log; the key is what is trusted.
          ...['verify', '--key', key.path, '--insecure-ignore-tlog=true', '--output', 'json'],
          manifestReference(source, digest),
        ],
        environment,
        readOnly: [...readOnly, key.path],
        hasNetwork: true,
      });
      return;
    } catch (error) {
      failure = error;
    }
  }
  const told = asImageError(request, failure);
  if (!(failure instanceof KeelsonError) || failure.code !== 'TOOL_FAILED' || isOfRegistry(told)) throw told;
  throw imageError(request, {
    code: 'IMAGE_SIGNATURE_INVALID',
    reason: `it is not signed by ${key.path}: ${lastWords(failure.message)}`,
    hint: 'Sign it (`cosign sign --key …`), or ask its publisher; take "key" away only if anybody may change it.',
  });
}

/** It could not be asked at all. */
function isOfRegistry(error: unknown): boolean {
  const { code } = error as { code?: string };
  return ['REGISTRY_UNTRUSTED', 'IMAGE_ACCESS_DENIED', 'REGISTRY_UNREACHABLE'].includes(code ?? '');
}
