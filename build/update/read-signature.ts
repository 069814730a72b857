import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Workshop } from '../tools/workshop.ts';

export interface SignerCertificate {
  /** Such as `CN=minimal update leaf, O=example`. */
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string;
  readonly validUntil: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly sha256: string;
}

export interface SignedManifest {
  readonly text: string;
  /** The leaf that signed, then its issuers as far as the bundle carries them. */
  readonly chain: readonly SignerCertificate[];
}

/**
 * What a signature says and who made it. That the signature fits its own certificates is checked; whether anybody should
 * trust them is not: that is `checkTrust`.
 */
export async function readSignature(
  workshop: Pick<Workshop, 'openTools'>,
  path: string,
  signature: Buffer,
): Promise<SignedManifest> {
  const tools = await workshop.openTools('update');
  const folder = await mkdtemp(join(tmpdir(), 'keelson-bundle-'));
  const file = (name: string) => join(folder, name);
  try {
    await writeFile(file('signature'), signature);
    await tools.run({
      file: '/usr/bin/openssl',
      arguments: [
        ...['cms', '-verify', '-noverify', '-binary', '-inform', 'DER', '-in', file('signature')],
        ...['-out', file('manifest'), '-signer', file('signer.pem'), '-certsout', file('certificates.pem')],
      ],
      writable: [folder],
    });
    const signers = await readCertificates(file('signer.pem'));
    const [signer] = signers;
    if (signer === undefined || signers.length !== 1) throw new Error(`it has ${signers.length} signers`);
    const all = await readCertificates(file('certificates.pem'));
    return { text: await readFile(file('manifest'), 'utf8'), chain: chainOf(signer, all).map(describe) };
  } catch (cause) {
    throw new KeelsonError({
      code: 'BUNDLE_SIGNATURE_INVALID',
      class: 'input',
      message: `Cannot trust the update bundle ${path}: its signature does not fit what it signs`,
      place: { file: path },
      hint: 'It was changed or damaged after it was signed: copy or download it again.',
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readCertificates(path: string): Promise<X509Certificate[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
    ([pem]) => new X509Certificate(pem),
  );
}

function chainOf(leaf: X509Certificate, all: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (;;) {
    const last = chain.at(-1) as X509Certificate;
    const issuer = all.find(
      (each) =>
        last.checkIssued(each) && !chain.some(({ fingerprint256 }) => fingerprint256 === each.fingerprint256),
    );
    if (issuer === undefined) return chain;
    chain.push(issuer);
  }
}

function describe(certificate: X509Certificate): SignerCertificate {
  const nameOf = (text: string) => text.split('\n').reverse().join(', ');
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validFrom: certificate.validFromDate.toISOString(),
    validUntil: certificate.validToDate.toISOString(),
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
