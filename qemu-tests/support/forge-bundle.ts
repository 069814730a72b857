import { appendFile, copyFile, open, truncate } from 'node:fs/promises';
import { sequenceOf } from '../../build/contract/release-version.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { encodeSignatureSize } from '../../build/update/bundle-file.ts';
import { writeBundleManifest } from '../../build/update/bundle-manifest.ts';
import { readBundle } from '../../build/update/read-bundle.ts';
import type { BundleManifest, BundleSigner } from '../../build/update/update-bundle.ts';

/** The payload of a bundle with a signature of somebody else's, or with a manifest that says something else. */
export async function resignBundle(
  workshop: Workshop,
  from: string,
  to: string,
  sign: BundleSigner,
  change: Partial<Pick<BundleManifest, 'compatible' | 'version'>> = {},
): Promise<void> {
  const { manifest, parts } = await readBundle(workshop, from);
  const version = change.version ?? manifest.version;
  const changed = { ...manifest, ...change, version, sequence: sequenceOf(version) as number };
  const signature = await sign(Buffer.from(writeBundleManifest(changed)));
  await copyFile(from, to);
  await truncate(to, parts.payloadSizeBytes);
  await appendFile(to, Buffer.concat([signature, encodeSignatureSize(signature.length)]));
}

/** A copy in which every bit of one byte is turned, at each of these places. */
export async function copyWithFlips(from: string, to: string, offsets: readonly number[]): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, 'r+');
  try {
    for (const offset of offsets) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
      await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, offset);
    }
  } finally {
    await file.close();
  }
}
