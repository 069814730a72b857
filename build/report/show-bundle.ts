import type { Workshop } from '../tools/workshop.ts';
import { readBundle } from '../update/read-bundle.ts';
import type { ShownBundle } from './shown.ts';

/** What an update bundle says of itself; `keelson verify` says whether a machine would believe it. */
export async function showBundle(
  workshop: Pick<Workshop, 'openTools' | 'host'>,
  path: string,
): Promise<ShownBundle> {
  const { parts, manifest, manifestSha256, chain } = await readBundle(workshop, path);
  const { compatible, version, sequence, channel, image, verity } = manifest;
  const now = new Date(workshop.host.now()).toISOString();
  return {
    subject: 'bundle',
    path,
    sizeBytes: parts.sizeBytes,
    compatible,
    version,
    sequence,
    channel,
    manifestSha256,
    image,
    parts: [
      { part: 'squashfs', sizeBytes: parts.payloadSizeBytes - verity.treeSizeBytes },
      { part: 'hash tree', sizeBytes: verity.treeSizeBytes },
      { part: 'signature', sizeBytes: parts.signature.length },
    ],
    verityRootHash: verity.rootHash,
    signers: chain.map((certificate) => ({
      ...certificate,
      isValidNow: certificate.validFrom <= now && now <= certificate.validUntil,
    })),
  };
}
