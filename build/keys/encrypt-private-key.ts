import { createCipheriv, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import { integer, objectIdentifier, octetString, sequence } from './der.ts';
import { toPem } from './pem.ts';

/**
 * Work of one guess at a passphrase: 16 MiB and about a tenth of a second. OpenSSL refuses to read more memory than 32 MiB, so
 * the rest of the work is repetition.
 */
const scrypt = { cost: 16384, blockSize: 8, parallelization: 5 } as const;

/**
 * A private key as encrypted PKCS #8 (RFC 5958) under PBES2 with scrypt (RFC 7914) and AES-256-CBC; PEM. Node would write
 * PBKDF2 with 2048 rounds, which a graphics card undoes. OpenSSL 1.1 and newer read this.
 */
export function encryptPrivateKey(key: KeyObject, passphrase: string): string {
  const salt = randomBytes(16);
  const vector = randomBytes(16);
  const derived = scryptSync(passphrase, salt, 32, scrypt);
  const cipher = createCipheriv('aes-256-cbc', derived, vector);
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  derived.fill(0);
  const derivation = sequence(
    objectIdentifier('1.3.6.1.4.1.11591.4.11'),
    sequence(
      octetString(salt),
      integer(scrypt.cost),
      integer(scrypt.blockSize),
      integer(scrypt.parallelization),
    ),
  );
  const encryption = sequence(objectIdentifier('2.16.840.1.101.3.4.1.42'), octetString(vector));
  const pbes2 = sequence(objectIdentifier('1.2.840.113549.1.5.13'), sequence(derivation, encryption));
  return toPem('ENCRYPTED PRIVATE KEY', sequence(pbes2, octetString(encrypted)));
}
