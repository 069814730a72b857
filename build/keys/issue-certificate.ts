import { createHash, createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  id_kp_codeSigning,
  id_kp_emailProtection,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from '@peculiar/asn1-x509';
import { arrayBuffer } from './array-buffer.ts';
import type { KeyAlgorithm } from './key-algorithm.ts';
import { toPem } from './pem.ts';
import { signatureIdentifier } from './signature-identifier.ts';

export type CertificateProfile = 'root' | 'authority' | 'update' | 'boot';

interface ProfileSpec {
  readonly isAuthority: boolean;
  /** How many authorities may follow below. */
  readonly pathLength?: number;
  readonly usage: number;
  readonly purposes: readonly string[];
}

const authorityUsage = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;

const profiles = {
  root: { isAuthority: true, pathLength: 1, usage: authorityUsage, purposes: [] },
  // The firmware's PK and KEK also sign changes to its variables themselves.
  authority: {
    isAuthority: true,
    pathLength: 0,
    usage: authorityUsage | KeyUsageFlags.digitalSignature,
    purposes: [],
  },
  // OpenSSL's default purpose for signed messages is S/MIME, RAUC's `check-purpose=codesign` is the other.
  update: {
    isAuthority: false,
    usage: KeyUsageFlags.digitalSignature,
    purposes: [id_kp_codeSigning, id_kp_emailProtection],
  },
  boot: { isAuthority: false, usage: KeyUsageFlags.digitalSignature, purposes: [id_kp_codeSigning] },
} as const satisfies Record<CertificateProfile, ProfileSpec>;

/** What signs a certificate or a revocation list. */
export interface IssuingKey {
  readonly algorithm: KeyAlgorithm;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export interface CertificateRequest {
  readonly profile: CertificateProfile;
  readonly organisation: string;
  readonly commonName: string;
  readonly publicKeyPem: string;
  /** The issuer's certificate; left out by a root, which signs itself. */
  readonly issuerPem?: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Issues an X.509 certificate, RFC 5280; PEM. The serial number is random, all else follows from the request. */
export async function issueCertificate(request: CertificateRequest, key: IssuingKey): Promise<string> {
  const profile: ProfileSpec = profiles[request.profile];
  const subject = makeName(request.organisation, request.commonName);
  const publicKey = createPublicKey(request.publicKeyPem).export({ type: 'spki', format: 'der' });
  const issuer = request.issuerPem === undefined ? undefined : parseCertificate(request.issuerPem);
  const ownKeyId = keyIdentifier(publicKey);
  const issuerKeyId =
    issuer === undefined
      ? ownKeyId
      : keyIdentifier(new Uint8Array(AsnConvert.serialize(issuer.tbsCertificate.subjectPublicKeyInfo)));
  const tbs = new TBSCertificate({
    version: 2,
    serialNumber: arrayBuffer(randomSerial()),
    signature: signatureIdentifier(key.algorithm),
    issuer: issuer?.tbsCertificate.subject ?? subject,
    validity: new Validity({ notBefore: request.notBefore, notAfter: request.notAfter }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(arrayBuffer(publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(
        id_ce_basicConstraints,
        true,
        new BasicConstraints({
          cA: profile.isAuthority,
          ...(profile.pathLength === undefined ? {} : { pathLenConstraint: profile.pathLength }),
        }),
      ),
      extension(id_ce_keyUsage, true, new KeyUsage(profile.usage)),
      ...(profile.purposes.length === 0
        ? []
        : [extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([...profile.purposes]))]),
      extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(ownKeyId)),
      extension(
        id_ce_authorityKeyIdentifier,
        false,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(issuerKeyId) }),
      ),
    ]),
  });
  const signature = await key.sign(new Uint8Array(AsnConvert.serialize(tbs)));
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: signatureIdentifier(key.algorithm),
    signatureValue: arrayBuffer(signature),
  });
  return toPem('CERTIFICATE', new Uint8Array(AsnConvert.serialize(certificate)));
}

export function parseCertificate(pem: string): Certificate {
  return AsnConvert.parse(arrayBuffer(certificateDer(pem)), Certificate);
}

export function certificateDer(pem: string): Uint8Array {
  return new X509Certificate(pem).raw;
}

export function extension(id: string, isCritical: boolean, value: unknown): Extension {
  return new Extension({
    extnID: id,
    critical: isCritical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  });
}

/** RFC 7093, section 2, method 1: the leftmost 160 bits of the SHA-256 of the public key. */
export function keyIdentifier(publicKeyDer: Uint8Array): ArrayBuffer {
  const { subjectPublicKey } = AsnConvert.parse(arrayBuffer(publicKeyDer), SubjectPublicKeyInfo);
  return arrayBuffer(createHash('sha256').update(new Uint8Array(subjectPublicKey)).digest().subarray(0, 20));
}

function makeName(organisation: string, commonName: string): Name {
  const part = (type: string, utf8String: string) =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) }),
    ]);
  return new Name([part('2.5.4.10', organisation), part('2.5.4.3', commonName)]);
}

/** 127 random bits: positive, and never beginning with a zero byte. */
function randomSerial(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes;
}
