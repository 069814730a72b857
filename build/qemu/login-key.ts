import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** A key pair for SSH. */
export interface LoginKey {
  /** PEM (SEC 1), which both OpenSSH and ssh2 read. */
  readonly privateKey: string;
  /** One line as in `authorized_keys`. */
  readonly publicKey: string;
}

/** ECDSA and not Ed25519: the latter's private keys need OpenSSH's own file format, which Node cannot write. */
export function makeLoginKey(comment: string): LoginKey {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privateKey, publicKey: `${publicKeyOf(privateKey)} ${comment}` };
}

/** RFC 5656, section 3.1. */
export function publicKeyOf(privateKey: string): string {
  const { x = '', y = '' } = createPublicKey(createPrivateKey(privateKey)).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const type = 'ecdsa-sha2-nistp256';
  const blob = Buffer.concat([Buffer.from(type), Buffer.from('nistp256'), point].flatMap(withLength));
  return `${type} ${blob.toString('base64')}`;
}

/** RFC 4251, section 5: `string`. */
function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}
