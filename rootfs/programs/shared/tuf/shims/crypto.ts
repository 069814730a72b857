import { hashes, verify as verifyEd25519 } from '@noble/ed25519';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { ByteBuffer } from './buffer.ts';

hashes.sha512 = sha512;

/**
 * As much of Node's `crypto` as `@tufjs/models` calls for Ed25519 keys and SHA-256 digests; bundled in its place into device
 * programs, for QuickJS has no WebCrypto. Anything else is refused.
 */
interface PublicKey {
  readonly asymmetricKeyType: 'ed25519';
  readonly bytes: Uint8Array;
}

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) up to the 32 bytes of the key itself. */
const spkiPrefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const keyBytes = 32;

export function createPublicKey(input: unknown): PublicKey {
  const der = (input as { key?: unknown } | null)?.key;
  if (
    !(der instanceof Uint8Array) ||
    der.length !== spkiPrefix.length + keyBytes ||
    !spkiPrefix.every((byte, index) => der[index] === byte)
  ) {
    throw new Error('not an Ed25519 key');
  }
  return { asymmetricKeyType: 'ed25519', bytes: der.slice(spkiPrefix.length) };
}

export function verify(
  _algorithm: string | undefined,
  data: Uint8Array,
  { key }: { readonly key: PublicKey },
  signature: Uint8Array,
): boolean {
  // Strict as RFC 8032 has it, and as Node's OpenSSL does.
  return verifyEd25519(Uint8Array.from(signature), Uint8Array.from(data), key.bytes, { zip215: false });
}

export function createHash(algorithm: string) {
  if (algorithm !== 'sha256') throw new Error(`no digest ${algorithm}`);
  const digest = sha256.create();
  return {
    update(data: Uint8Array | string) {
      digest.update(typeof data === 'string' ? ByteBuffer.from(data) : Uint8Array.from(data));
      return this;
    },
    digest: (encoding?: 'hex') => {
      const bytes = ByteBuffer.from(digest.digest());
      return encoding === undefined ? bytes : bytes.toString('hex');
    },
  };
}

// biome-ignore lint/style/noDefaultExport: @tufjs/models takes the default export.
export default { createPublicKey, verify, createHash, constants: {} };
