import { createHash } from 'node:crypto';
import {
  Attribute,
  CertificateChoices,
  CertificateSet,
  ContentInfo,
  DigestAlgorithmIdentifiers,
  EncapsulatedContent,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  SignedData,
  SignerIdentifier,
  SignerInfo,
  SignerInfos,
} from '@peculiar/asn1-cms';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Time } from '@peculiar/asn1-x509';
import { KeelsonError } from '../errors/keelson-error.ts';
import { arrayBuffer } from './array-buffer.ts';
import { derNull, objectIdentifier, octetString, readTlv, setOf } from './der.ts';
import { parseCertificate } from './issue-certificate.ts';
import { keyAlgorithms } from './key-algorithm.ts';
import { signatureIdentifier } from './signature-identifier.ts';
import type { Signer } from './signer.ts';

const oids = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
} as const;

export interface SignedMessage {
  /** `id-data` when left out. */
  readonly contentType?: string;
  /**
   * The message itself (an OCTET STRING around these bytes for `id-data`, these bytes as they are for another type), or for
   * a detached signature only what is hashed.
   */
  readonly content: Uint8Array;
  readonly isDetached?: boolean;
  /** Left out, the same key and content give the same bytes (but for ECDSA). */
  readonly signingTime?: Date;
  /** Without signed attributes the signature is over the content itself, as UEFI wants it for its variables. */
  readonly hasAttributes?: boolean;
}

/**
 * Signs a message as RAUC expects its bundles signed: DER, the content inside, signer's certificate and intermediates inside,
 * signed attributes with type, time and digest (RFC 5652).
 */
export async function signCms(signer: Signer, content: Uint8Array, signingTime?: Date): Promise<Uint8Array> {
  const message = { content, ...(signingTime === undefined ? {} : { signingTime }) };
  return wrapSignedData(await signMessage(signer, message));
}

/** ContentInfo around SignedData. */
export function wrapSignedData(signedData: SignedData): Uint8Array {
  return new Uint8Array(
    AsnConvert.serialize(
      new ContentInfo({ contentType: oids.signedData, content: AsnConvert.serialize(signedData) }),
    ),
  );
}

export async function signMessage(signer: Signer, message: SignedMessage): Promise<SignedData> {
  const chain = (signer.certificateChain ?? []).map(parseCertificate);
  const [own] = chain;
  if (own === undefined || keyAlgorithms[signer.algorithm].hash !== 'sha256') throw notForMessages(signer);
  const type = message.contentType ?? oids.data;
  const isData = type === oids.data;
  // RFC 5652, section 5.4: the digest is over the content octets, without tag and length.
  const digested = isData ? message.content : readTlv(message.content).content;
  const attributes = message.hasAttributes === false ? undefined : signedAttributes(type, digested, message);
  const signature = await signer.sign(attributes === undefined ? digested : setOf(...attributes));
  const sha256 = new AlgorithmIdentifier({ algorithm: oids.sha256, parameters: arrayBuffer(derNull) });
  const content = isData
    ? new EncapsulatedContent({ single: new OctetString(arrayBuffer(message.content)) })
    : new EncapsulatedContent({ any: arrayBuffer(message.content) });
  return new SignedData({
    version: 1,
    digestAlgorithms: new DigestAlgorithmIdentifiers([sha256]),
    encapContentInfo: new EncapsulatedContentInfo({
      eContentType: type,
      ...(message.isDetached === true ? {} : { eContent: content }),
    }),
    certificates: new CertificateSet(chain.map((certificate) => new CertificateChoices({ certificate }))),
    signerInfos: new SignerInfos([
      new SignerInfo({
        version: 1,
        sid: new SignerIdentifier({
          issuerAndSerialNumber: new IssuerAndSerialNumber({
            issuer: own.tbsCertificate.issuer,
            serialNumber: own.tbsCertificate.serialNumber,
          }),
        }),
        digestAlgorithm: sha256,
        ...(attributes === undefined
          ? {}
          : { signedAttrs: attributes.map((each) => AsnConvert.parse(arrayBuffer(each), Attribute)) }),
        signatureAlgorithm: messageSignatureIdentifier(signer),
        signature: new OctetString(arrayBuffer(signature)),
      }),
    ]),
  });
}

/** Encoded and in the order of DER. */
function signedAttributes(
  type: string,
  digested: Uint8Array,
  { signingTime }: SignedMessage,
): readonly Uint8Array[] {
  const attribute = (attrType: string, value: Uint8Array) =>
    new Uint8Array(AsnConvert.serialize(new Attribute({ attrType, attrValues: [arrayBuffer(value)] })));
  return [
    attribute(oids.contentType, objectIdentifier(type)),
    ...(signingTime === undefined
      ? []
      : [attribute(oids.signingTime, new Uint8Array(AsnConvert.serialize(new Time(signingTime))))]),
    attribute(oids.messageDigest, octetString(createHash('sha256').update(digested).digest())),
  ].sort((one, other) => Buffer.compare(one, other));
}

/** RFC 3370, section 3.2: firmware and old software know RSA by the name of the key, not of the signature. */
function messageSignatureIdentifier(signer: Signer): AlgorithmIdentifier {
  const identifier = signatureIdentifier(signer.algorithm);
  if (identifier.parameters !== undefined) identifier.algorithm = oids.rsaEncryption;
  return identifier;
}

function notForMessages(signer: Signer): KeelsonError {
  return new KeelsonError({
    code: 'SIGNER_UNSUITABLE',
    class: 'internal',
    message: `Cannot sign a message with the key for ${signer.role}: it has no certificate, or is not RSA or ECDSA`,
  });
}
