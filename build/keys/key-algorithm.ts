import {
  createHash,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';
import { promisify } from 'node:util';

interface AlgorithmSpec {
  /** Hash that the signature is over; `null` where the algorithm hashes by itself. */
  readonly hash: 'sha256' | null;
  /** RFC 4055 (RSA), RFC 5758 (ECDSA), RFC 8410 (Ed25519). */
  readonly signatureOid: string;
  /** RSA identifiers carry an explicit NULL, the others nothing. */
  readonly hasNullParameters: boolean;
  readonly generate: () => Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }>;
}

const generate = promisify(generateKeyPair);

const rsa = (modulusLength: number): AlgorithmSpec => ({
  hash: 'sha256',
  signatureOid: '1.2.840.113549.1.1.11',
  hasNullParameters: true,
  generate: () => generate('rsa', { modulusLength }),
});

/** What a key is, and how it signs: PKCS #1 v1.5 for RSA, a DER sequence for ECDSA, 64 bytes for Ed25519. */
export const keyAlgorithms = {
  'rsa-2048': rsa(2048),
  'rsa-3072': rsa(3072),
  'rsa-4096': rsa(4096),
  'ecdsa-p256': {
    hash: 'sha256',
    signatureOid: '1.2.840.10045.4.3.2',
    hasNullParameters: false,
    generate: () => generate('ec', { namedCurve: 'prime256v1' }),
  },
  ed25519: {
    hash: null,
    signatureOid: '1.3.101.112',
    hasNullParameters: false,
    generate: () => generate('ed25519'),
  },
} as const satisfies Record<string, AlgorithmSpec>;

export type KeyAlgorithm = keyof typeof keyAlgorithms;

export const keyAlgorithmNames = Object.keys(keyAlgorithms) as [KeyAlgorithm, ...KeyAlgorithm[]];

/** Undefined for keys of a kind or size that is not in the table. */
export function algorithmOf(key: KeyObject): KeyAlgorithm | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const name =
    key.asymmetricKeyType === 'rsa'
      ? `rsa-${modulusLength}`
      : key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1'
        ? 'ecdsa-p256'
        : key.asymmetricKeyType;
  return keyAlgorithmNames.find((algorithm) => algorithm === name);
}

export function signWithKey(algorithm: KeyAlgorithm, key: KeyObject, bytes: Uint8Array): Uint8Array {
  return nodeSign(keyAlgorithms[algorithm].hash, bytes, key);
}

export function isSignatureGood(
  algorithm: KeyAlgorithm,
  publicKeyPem: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  return nodeVerify(keyAlgorithms[algorithm].hash, bytes, createPublicKey(publicKeyPem), signature);
}

/** SHA-256 of the public key as X.509 has it (SubjectPublicKeyInfo), hexadecimal. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
