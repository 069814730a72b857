import { createHash } from 'node:crypto';
import { concat, derNull, objectIdentifier, octetString, sequence, tlv } from './der.ts';
import { signMessage, wrapSignedData } from './sign-cms.ts';
import type { Signer } from './signer.ts';

/** "Windows Authenticode Portable Executable Signature Format" (2008). */
const oids = {
  indirectData: '1.3.6.1.4.1.311.2.1.4',
  peImageData: '1.3.6.1.4.1.311.2.1.15',
  sha256: '2.16.840.1.101.3.4.2.1',
} as const;

/** A file that is not an EFI program for 64 bits, or one that is damaged. */
export class PeFormatError extends Error {
  override readonly name = 'PeFormatError';
}

/**
 * Signs an EFI program as Secure Boot checks it; what was signed before is signed anew. There is no time in the signature, so
 * the same key and program give the same bytes.
 */
export async function signEfiProgram(signer: Signer, program: Uint8Array): Promise<Uint8Array> {
  const unsigned = withoutSignature(program);
  const signature = wrapSignedData(
    await signMessage(signer, {
      contentType: oids.indirectData,
      content: indirectData(imageDigest(unsigned)),
    }),
  );
  return withSignature(unsigned, signature);
}

/** SHA-256 of what a signature covers: all but the checksum, the entry of the certificate table, and that table. */
export function imageDigest(program: Uint8Array): Uint8Array {
  const { checksumOffset, tableEntryOffset, tableOffset, tableBytes } = readHeaders(program);
  const end = tableBytes === 0 ? program.length : tableOffset;
  return createHash('sha256')
    .update(program.subarray(0, checksumOffset))
    .update(program.subarray(checksumOffset + 4, tableEntryOffset))
    .update(program.subarray(tableEntryOffset + 8, end))
    .digest();
}

/** The signature of a signed program (DER), or undefined. */
export function signatureOf(program: Uint8Array): Uint8Array | undefined {
  const { tableOffset, tableBytes } = readHeaders(program);
  if (tableBytes === 0) return undefined;
  const lengthBytes = viewOf(program).getUint32(tableOffset, true);
  if (lengthBytes < 8 || lengthBytes > tableBytes)
    throw new PeFormatError('its certificate table is damaged');
  return program.subarray(tableOffset + 8, tableOffset + lengthBytes);
}

/** SpcIndirectDataContent: the digest, and that it is one of a PE image. */
function indirectData(digest: Uint8Array): Uint8Array {
  // SpcPeImageData: no flags; the "file" is required, and means nothing.
  const obsolete = Buffer.from('<<<Obsolete>>>', 'utf16le').swap16();
  const peImageData = sequence(tlv(0x03, Uint8Array.of(0)), tlv(0xa0, tlv(0xa2, tlv(0x80, obsolete))));
  const digestInfo = sequence(sequence(objectIdentifier(oids.sha256), derNull), octetString(digest));
  return sequence(sequence(objectIdentifier(oids.peImageData), peImageData), digestInfo);
}

interface PeHeaders {
  readonly checksumOffset: number;
  /** Where the data directory says where the certificate table is. */
  readonly tableEntryOffset: number;
  readonly tableOffset: number;
  readonly tableBytes: number;
}

/** https://learn.microsoft.com/windows/win32/debug/pe-format */
function readHeaders(program: Uint8Array): PeHeaders {
  const view = viewOf(program);
  const peOffset = program.length < 64 ? Number.NaN : view.getUint32(60, true);
  const optional = peOffset + 24;
  const isPe =
    program.length >= 64 &&
    view.getUint16(0, true) === 0x5a4d &&
    optional + 152 <= program.length &&
    view.getUint32(peOffset, true) === 0x4550 &&
    view.getUint16(optional, true) === 0x20b;
  if (!isPe) throw new PeFormatError('it is no EFI program for 64 bits');
  // Data directory 4, the only one whose address is a file offset.
  if (view.getUint32(optional + 108, true) < 5) throw new PeFormatError('it has no room for a signature');
  const tableEntryOffset = optional + 144;
  const tableOffset = view.getUint32(tableEntryOffset, true);
  const tableBytes = view.getUint32(tableEntryOffset + 4, true);
  // A table anywhere but at the end would leave bytes that nothing covers.
  const isTableAtEnd = tableOffset > tableEntryOffset && tableOffset + tableBytes === program.length;
  if (tableBytes !== 0 && !isTableAtEnd) throw new PeFormatError('its certificate table is not at its end');
  return { checksumOffset: optional + 64, tableEntryOffset, tableOffset, tableBytes };
}

/** Padded to 8 bytes, as the table begins at a multiple of that and the padding is covered. */
function withoutSignature(program: Uint8Array): Uint8Array {
  const { checksumOffset, tableEntryOffset, tableOffset, tableBytes } = readHeaders(program);
  const end = tableBytes === 0 ? program.length : tableOffset;
  const bytes = concat(program.subarray(0, end), new Uint8Array(padding(end)));
  bytes.fill(0, checksumOffset, checksumOffset + 4);
  bytes.fill(0, tableEntryOffset, tableEntryOffset + 8);
  return bytes;
}

function withSignature(unsigned: Uint8Array, signature: Uint8Array): Uint8Array {
  const { checksumOffset, tableEntryOffset } = readHeaders(unsigned);
  const lengthBytes = 8 + signature.length;
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, lengthBytes, true);
  header.setUint16(4, 0x0200, true); // WIN_CERT_REVISION_2_0
  header.setUint16(6, 0x0002, true); // WIN_CERT_TYPE_PKCS_SIGNED_DATA
  const table = concat(new Uint8Array(header.buffer), signature, new Uint8Array(padding(lengthBytes)));
  const signed = concat(unsigned, table);
  const view = viewOf(signed);
  view.setUint32(tableEntryOffset, unsigned.length, true);
  view.setUint32(tableEntryOffset + 4, table.length, true);
  view.setUint32(checksumOffset, peChecksum(signed), true);
  return signed;
}

/** Sum of 16-bit words with the carry added back, plus the length; the field itself is still zero. */
function peChecksum(program: Uint8Array): number {
  const view = viewOf(program);
  let sum = 0;
  for (let offset = 0; offset + 1 < program.length; offset += 2) {
    sum += view.getUint16(offset, true);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum + program.length;
}

const padding = (lengthBytes: number): number => (8 - (lengthBytes % 8)) % 8;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
