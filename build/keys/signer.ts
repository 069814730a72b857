import type { KeyAlgorithm } from './key-algorithm.ts';
import type { KeyRole } from './key-role.ts';

/**
 * Something that signs. Whether the key lies in a file, in a token or behind a command is not the caller's business, and
 * its bytes never are.
 */
export interface Signer {
  /** SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal. */
  readonly keyId: string;
  readonly role: KeyRole;
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
  /** The signer's own certificate first, then its issuers, without the root. Keys of The Update Framework have none. */
  readonly certificateChain?: readonly string[];
  /** Made by Keelson on first use, for trying out; outputs say so and releases refuse it. */
  readonly isDevelopment: boolean;
  /**
   * Signature over these bytes (the signer hashes where the algorithm needs it): PKCS #1 v1.5 for RSA, DER for ECDSA,
   * 64 bytes for Ed25519. It has been checked against the public key.
   */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}
