import { createHash } from 'node:crypto';
import { hashTreeBlocks } from '../contract/slot-layout.ts';
import type { Workshop } from '../tools/workshop.ts';
import { bundleInvalid } from './bundle-errors.ts';
import { type BundleParts, readBundleParts } from './bundle-file.ts';
import { parseBundleManifest } from './bundle-manifest.ts';
import { blockBytes } from './hash-tree.ts';
import { readSignature, type SignerCertificate } from './read-signature.ts';
import type { BundleManifest, BundleVerity } from './update-bundle.ts';

/** What a bundle says of itself; nothing of it has been held against a keyring. */
export interface BundleContents {
  readonly path: string;
  readonly parts: BundleParts;
  readonly manifest: BundleManifest & { readonly verity: BundleVerity };
  /** RAUC's `manifest-hash`. */
  readonly manifestSha256: string;
  readonly chain: readonly SignerCertificate[];
}

export async function readBundle(
  workshop: Pick<Workshop, 'openTools'>,
  path: string,
): Promise<BundleContents> {
  const parts = await readBundleParts(path);
  const { text, chain } = await readSignature(workshop, path, parts.signature);
  const manifest = parseBundleManifest(text, path);
  return {
    path,
    parts,
    manifest: { ...manifest, verity: requireVerity(path, parts, manifest) },
    manifestSha256: createHash('sha256').update(text).digest('hex'),
    chain,
  };
}

/** The signature says where the payload ends and which hashes it has; both must fit the file. */
function requireVerity(path: string, parts: BundleParts, { verity }: BundleManifest): BundleVerity {
  if (verity === undefined) throw bundleInvalid(path, 'its manifest has no verity-hash');
  const dataSizeBytes = parts.payloadSizeBytes - verity.treeSizeBytes;
  const isWhole = dataSizeBytes >= 2 * blockBytes && dataSizeBytes % blockBytes === 0;
  const expected = isWhole ? hashTreeBlocks(dataSizeBytes / blockBytes) * blockBytes : undefined;
  if (expected !== verity.treeSizeBytes)
    throw bundleInvalid(path, `a hash tree of ${verity.treeSizeBytes} bytes does not fit its payload`);
  return verity;
}
