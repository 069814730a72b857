import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  CertificateList,
  CRLNumber,
  CRLReason,
  CRLReasons,
  id_ce_authorityKeyIdentifier,
  id_ce_cRLNumber,
  id_ce_cRLReasons,
  KeyIdentifier,
  RevokedCertificate,
  TBSCertList,
  Time,
  Version,
} from '@peculiar/asn1-x509';
import { arrayBuffer } from './array-buffer.ts';
import { extension, type IssuingKey, keyIdentifier, parseCertificate } from './issue-certificate.ts';
import { toPem } from './pem.ts';
import { signatureIdentifier } from './signature-identifier.ts';

export const revocationReasons = {
  compromised: CRLReasons.keyCompromise,
  superseded: CRLReasons.superseded,
  'no-longer-used': CRLReasons.cessationOfOperation,
} as const;

export type RevocationReason = keyof typeof revocationReasons;

export interface Revocation {
  readonly certificatePem: string;
  readonly at: Date;
  readonly reason: RevocationReason;
}

export interface RevocationListRequest {
  readonly issuerPem: string;
  /** Rises with each list of an issuer. */
  readonly number: number;
  readonly revoked: readonly Revocation[];
  readonly thisUpdate: Date;
  /** An expired list would stop all updates, and freshness is the channel's business: the issuer's own end is right. */
  readonly nextUpdate: Date;
}

/** Issues a certificate revocation list, RFC 5280, section 5; PEM. */
export async function issueRevocationList(request: RevocationListRequest, key: IssuingKey): Promise<string> {
  const issuer = parseCertificate(request.issuerPem).tbsCertificate;
  const issuerKey = new Uint8Array(AsnConvert.serialize(issuer.subjectPublicKeyInfo));
  const tbs = new TBSCertList({
    version: Version.v2,
    signature: signatureIdentifier(key.algorithm),
    issuer: issuer.subject,
    thisUpdate: new Time(request.thisUpdate),
    nextUpdate: new Time(request.nextUpdate),
    // An empty list must be left out, not be empty.
    ...(request.revoked.length === 0
      ? {}
      : { revokedCertificates: request.revoked.map((revocation) => revokedCertificate(revocation)) }),
    crlExtensions: [
      extension(
        id_ce_authorityKeyIdentifier,
        false,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyIdentifier(issuerKey)) }),
      ),
      extension(id_ce_cRLNumber, false, new CRLNumber(request.number)),
    ],
  });
  const signature = await key.sign(new Uint8Array(AsnConvert.serialize(tbs)));
  const list = new CertificateList({
    tbsCertList: tbs,
    signatureAlgorithm: signatureIdentifier(key.algorithm),
    signature: arrayBuffer(signature),
  });
  return toPem('X509 CRL', new Uint8Array(AsnConvert.serialize(list)));
}

function revokedCertificate({ certificatePem, at, reason }: Revocation): RevokedCertificate {
  return new RevokedCertificate({
    userCertificate: parseCertificate(certificatePem).tbsCertificate.serialNumber,
    revocationDate: new Time(at),
    crlEntryExtensions: [extension(id_ce_cRLReasons, false, new CRLReason(revocationReasons[reason]))],
  });
}
