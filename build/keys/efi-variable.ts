import { createHash } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { concat } from './der.ts';
import type { EfiVariableName } from './efi-variable-names.ts';
import { certificateDer, parseCertificate } from './issue-certificate.ts';
import { signMessage } from './sign-cms.ts';
import type { Signer } from './signer.ts';

/** UEFI 2.10, section 32.6 (databases), 3.3 (PK, KEK). */
const vendors = {
  global: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
  imageSecurity: 'd719b2cb-3d3a-4596-a3bc-dad00e67656f',
} as const;

const vendorOf = {
  PK: vendors.global,
  KEK: vendors.global,
  db: vendors.imageSecurity,
  dbx: vendors.imageSecurity,
} as const satisfies Record<EfiVariableName, string>;

/** NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS, TIME_BASED_AUTHENTICATED_WRITE_ACCESS. */
const attributes = 0x27;

const guids = {
  certificate: 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072',
  certificateSha256: '3bd2a492-96c0-4079-b420-fcf98ef103ed',
  pkcs7: '4aafd29d-68df-49ee-8aa9-347d375665a7',
} as const;

/** EFI_SIGNATURE_LISTs, one for each X.509 certificate: their sizes differ. `owner` is a GUID that says who added them. */
export function certificateList(certificates: readonly string[], owner: string): Uint8Array {
  return concat(
    ...certificates.map((pem) => {
      const der = certificateDer(pem);
      return concat(
        guidBytes(guids.certificate),
        uint32(28 + 16 + der.length),
        uint32(0),
        uint32(16 + der.length),
        guidBytes(owner),
        der,
      );
    }),
  );
}

/** EFI_SIGNATURE_LIST of revoked certificates, by the SHA-256 of what was signed of them; revoked at all times. */
export function revokedCertificateList(certificates: readonly string[], owner: string): Uint8Array {
  const entryBytes = 16 + 32 + 16;
  return concat(
    guidBytes(guids.certificateSha256),
    uint32(28 + entryBytes * certificates.length),
    uint32(0),
    uint32(entryBytes),
    ...certificates.map((pem) =>
      concat(
        guidBytes(owner),
        createHash('sha256')
          .update(new Uint8Array(AsnConvert.serialize(parseCertificate(pem).tbsCertificate)))
          .digest(),
        new Uint8Array(16),
      ),
    ),
  );
}

/**
 * A variable as firmware takes it (`.auth`): EFI_VARIABLE_AUTHENTICATION_2, UEFI 2.10, section 8.2.2, then the content. The
 * time must be later than that of the variable that it replaces.
 */
export async function signEfiVariable(
  signer: Signer,
  name: EfiVariableName,
  content: Uint8Array,
  time: Date,
): Promise<Uint8Array> {
  const timestamp = efiTime(time);
  const signed = concat(
    new Uint8Array(Buffer.from(name, 'utf16le')),
    guidBytes(vendorOf[name]),
    uint32(attributes),
    timestamp,
    content,
  );
  const message = { content: signed, isDetached: true, hasAttributes: false };
  // SignedData alone, without ContentInfo: not all firmware takes it otherwise.
  const signature = new Uint8Array(AsnConvert.serialize(await signMessage(signer, message)));
  return concat(
    timestamp,
    uint32(24 + signature.length),
    uint16(0x0200),
    uint16(0x0ef1),
    guidBytes(guids.pkcs7),
    signature,
    content,
  );
}

/** First three fields little-endian, the rest as written. */
export function guidBytes(guid: string): Uint8Array {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** EFI_TIME in UTC; the parts below a second, the zone and the summer time must be zero. */
function efiTime(time: Date): Uint8Array {
  return concat(
    uint16(time.getUTCFullYear()),
    Uint8Array.of(
      time.getUTCMonth() + 1,
      time.getUTCDate(),
      time.getUTCHours(),
      time.getUTCMinutes(),
      time.getUTCSeconds(),
    ),
    new Uint8Array(9),
  );
}

const uint16 = (value: number) => Uint8Array.of(value & 0xff, value >>> 8);
const uint32 = (value: number) => concat(uint16(value & 0xffff), uint16(value >>> 16));
