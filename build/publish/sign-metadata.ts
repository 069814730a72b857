import { createPublicKey } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import {
  Key,
  Metadata,
  type Root,
  Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import { digestOfText, keyIdOf } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Signer } from '../keys/signer.ts';

/** Of the specification: what the models library writes and reads. */
export const specVersion = '1.0.31';

/** What of a `Signer` The Update Framework needs. */
export type MetadataSigner = Pick<Signer, 'publicKeyPem' | 'sign'>;

type Signed = Root | Timestamp | Snapshot | Targets;

/** A file of metadata as it will be served, with what other files say of it. */
export interface MetadataFile {
  readonly text: string;
  readonly version: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The public key as metadata has it. Only Ed25519: it is what machines verify. */
export function metadataKey(publicKeyPem: string): Key {
  const key = createPublicKey(publicKeyPem);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeelsonError({
      code: 'CHANNEL_KEY_UNSUITED',
      class: 'input',
      message: `Cannot use a key of type ${key.asymmetricKeyType} for a channel: machines verify Ed25519 only`,
      hint: 'Make Ed25519 keys for the roles tuf-root, tuf-targets, tuf-snapshot and tuf-timestamp.',
    });
  }
  // The key itself is the last 32 bytes of SubjectPublicKeyInfo (RFC 8410, 4).
  const hex = key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  const content = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } };
  return Key.fromJSON(keyIdOf(content), content);
}

/** Signs with every signer and writes the file; signatures that `earlier` has over the same content stay. */
export async function signMetadata(
  signed: Signed,
  signers: readonly MetadataSigner[],
  earlier: Readonly<Record<string, Signature>> = {},
): Promise<MetadataFile> {
  const bytes = Buffer.from(canonicalize(signed.toJSON()));
  const metadata = new Metadata(signed, { ...earlier });
  for (const signer of signers) {
    const keyID = metadataKey(signer.publicKeyPem).keyID;
    const sig = Buffer.from(await signer.sign(bytes)).toString('hex');
    metadata.signatures[keyID] = new Signature({ keyID, sig });
  }
  return metadataFile(metadata);
}

/** Metadata as a file: canonical, so that the same content is the same bytes. */
export function metadataFile(metadata: Metadata<Signed>): MetadataFile {
  return fileOfText(`${canonicalize(metadata.toJSON())}\n`, metadata.signed.version);
}

/** ASCII, so characters are bytes. */
export function fileOfText(text: string, version: number): MetadataFile {
  return { text, version, sizeBytes: text.length, sha256: digestOfText(text) };
}
