import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Keys } from '../keys/open-keys.ts';
import { revocationLists, trustAnchors } from '../keys/trust.ts';
import type { Workshop } from '../tools/workshop.ts';
import { verifyBundle } from '../update/verify-bundle.ts';
import type { BundleFacts } from './plan-releases.ts';

/** Checks a bundle as machines with these keys would, and reads what the channel tells of it. Errors are verifyBundle's. */
export async function readBundleFacts(
  workshop: Pick<Workshop, 'openTools' | 'host'>,
  path: string,
  keys: Keys,
): Promise<BundleFacts> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-publish-'));
  try {
    const keyring = join(folder, 'keyring.pem');
    const crl = join(folder, 'crl.pem');
    const lists = revocationLists(keys);
    await writeFile(keyring, trustAnchors(keys));
    await writeFile(crl, lists);
    const { manifest, parts } = await verifyBundle(workshop, path, {
      keyring,
      ...(lists === '' ? {} : { crl }),
    });
    return {
      path,
      sizeBytes: parts.sizeBytes,
      sha256: await digestFile(path, workshop.host.signal),
      compatible: manifest.compatible,
      version: manifest.version,
      sequence: manifest.sequence,
      imageSha256: manifest.image.sha256,
      imageSizeBytes: manifest.image.sizeBytes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function digestFile(path: string, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal })) digest.update(chunk as Buffer);
  return digest.digest('hex');
}
