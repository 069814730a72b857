import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { imageDigest, PeFormatError, signatureOf, signEfiProgram } from './authenticode.ts';
import { certificateList, guidBytes } from './efi-variable.ts';
import { enrolmentVariables } from './enrolment-variables.ts';
import { exportKeys } from './export-keys.ts';
import { type KeyBench, openKeyBench } from './key-fixtures.ts';
import { type Keys, makeSigner, recordOf, signerFor } from './open-keys.ts';
import { revokeKey } from './revoke-key.ts';
import { rotateKeys } from './rotate-keys.ts';

jest.setTimeout(60_000);

let bench: KeyBench;
let keys: Keys;
let program: Buffer;

beforeAll(async () => {
  bench = await openKeyBench();
  keys = await bench.makeKeys('acme');
  await bench.workshop.openTools('keys');
  const tools = await bench.workshop.openTools('image');
  program = await readFile(join(tools.folder, 'usr/lib/systemd/boot/efi/systemd-bootx64.efi'));
});

afterAll(() => bench.close());

async function verify(signed: Uint8Array, certificatePem: string): Promise<string> {
  const path = await bench.write('program.efi', signed);
  const certificate = await bench.write('certificate.pem', certificatePem);
  return (await bench.run('/usr/bin/sbverify', '--cert', certificate, path)).output.trim();
}

const certificateOf = (from: Keys, id: string) => recordOf(from.file, id).certificate?.pem ?? '';

describe('a signed EFI program', () => {
  test('is good by sbverify under the certificate that db has', async () => {
    const signed = await signEfiProgram(signerFor(keys, 'boot'), program);
    expect(await verify(signed, certificateOf(keys, 'boot-db-1'))).toBe('Signature verification OK');
  });

  test('of foreign keys is refused', async () => {
    const foreign = await bench.makeKeys('foreign');
    const signed = await signEfiProgram(signerFor(foreign, 'boot'), program);
    expect(await verify(signed, certificateOf(keys, 'boot-db-1'))).toMatch(/Signature verification failed/);
  });

  test('is refused when a byte was changed', async () => {
    const signed = await signEfiProgram(signerFor(keys, 'boot'), program);
    const at = 4096;
    signed[at] = (signed[at] ?? 0) ^ 1;
    expect(await verify(signed, certificateOf(keys, 'boot-db-1'))).toMatch(/Signature verification failed/);
  });

  test('is the same bytes again, also when it was signed before', async () => {
    const signer = signerFor(keys, 'boot');
    const once = await signEfiProgram(signer, program);
    expect(Buffer.compare(await signEfiProgram(signer, program), once)).toBe(0);
    expect(Buffer.compare(await signEfiProgram(signer, once), once)).toBe(0);
    expect(Buffer.compare(imageDigest(once), imageDigest(await signEfiProgram(signer, once)))).toBe(0);
  });

  test('has a right checksum and room for nothing else', async () => {
    const signed = await signEfiProgram(signerFor(keys, 'boot'), program);
    expect(signed.length % 8).toBe(0);
    expect(signatureOf(signed)?.length).toBeGreaterThan(1000);
    expect(signatureOf(program)).toBeUndefined();
  });

  test.each([
    ['text', Buffer.from('#!/bin/sh\n'), 'it is no EFI program for 64 bits'],
    ['headers that are cut short', Buffer.from('MZ').subarray(0, 2), 'it is no EFI program for 64 bits'],
  ])('%s is refused', async (_, content, why) => {
    await expect(signEfiProgram(signerFor(keys, 'boot'), content)).rejects.toThrow(new PeFormatError(why));
  });

  test('bytes behind the signature are refused', async () => {
    const signed = await signEfiProgram(signerFor(keys, 'boot'), program);
    const longer = Buffer.concat([signed, Buffer.alloc(8)]);
    expect(() => imageDigest(longer)).toThrow('its certificate table is not at its end');
  });
});

/** EFI_VARIABLE_AUTHENTICATION_2: 16 bytes of time, then WIN_CERTIFICATE with its own length; the rest is content. */
function contentOf(auth: Uint8Array): Uint8Array {
  const view = new DataView(auth.buffer, auth.byteOffset, auth.byteLength);
  return auth.subarray(16 + view.getUint32(16, true));
}

describe('variables to enrol', () => {
  test('hold the certificates of their roles, by efitools', async () => {
    for (const [name, id] of [
      ['PK', 'boot-pk-1'],
      ['KEK', 'boot-kek-1'],
      ['db', 'boot-db-1'],
    ] as const) {
      const auth = enrolmentVariables(keys).get(name) as Uint8Array;
      const list = await bench.write(`${name}.esl`, contentOf(auth));
      const listed = await bench.run('/usr/bin/sig-list-to-certs', list, join(bench.folder, name));
      expect(listed.exitCode).toBe(0);
      const der = await readFile(join(bench.folder, `${name}-0.der`));
      expect(new X509Certificate(der).fingerprint256).toBe(
        new X509Certificate(certificateOf(keys, id)).fingerprint256,
      );
    }
  });

  test('are signed over name, vendor, attributes, time and content', async () => {
    const auth = Buffer.from(enrolmentVariables(keys).get('db') as Uint8Array);
    const content = contentOf(auth);
    const signedBytes = Buffer.concat([
      Buffer.from('db', 'utf16le'),
      guidBytes('d719b2cb-3d3a-4596-a3bc-dad00e67656f'),
      Buffer.from([0x27, 0, 0, 0]),
      auth.subarray(0, 16),
      content,
    ]);
    const body = auth.subarray(16 + 24, auth.length - content.length);
    const { objectIdentifier, sequence, tlv } = await import('./der.ts');
    const wrapped = sequence(objectIdentifier('1.2.840.113549.1.7.2'), tlv(0xa0, body));
    const verified = await bench.run(
      '/usr/bin/openssl',
      ...['cms', '-verify', '-binary', '-inform', 'DER', '-purpose', 'any', '-partial_chain'],
      ...['-in', await bench.write('db.p7', wrapped), '-content', await bench.write('db.bin', signedBytes)],
      ...['-CAfile', await bench.write('kek.pem', certificateOf(keys, 'boot-kek-1'))],
      ...['-out', join(bench.folder, 'verified')],
    );
    expect(verified.output).toMatch(/Verification successful/);
  });

  test('stay the same bytes until keys change', async () => {
    const rotated = await rotateKeys(keys, { subject: 'update' });
    expect(enrolmentVariables(rotated)).toEqual(enrolmentVariables(keys));
  });

  test('db lists old and new while its key is rotated, and the new leaf is good under the new one', async () => {
    const first = await rotateKeys(keys, { subject: 'boot-db' });
    const both = [certificateOf(first, 'boot-db-1'), certificateOf(first, 'boot-db-2')];
    const sizeBytes = contentOf(enrolmentVariables(first).get('db') as Uint8Array).length;
    expect(sizeBytes).toBe(certificateList(both, '00000000-0000-0000-0000-000000000000').length);
    const second = await rotateKeys(first, { subject: 'boot-db', isFinish: true });
    const signed = await signEfiProgram(signerFor(second, 'boot'), program);
    expect(await verify(signed, certificateOf(first, 'boot-db-2'))).toBe('Signature verification OK');
  });

  test('dbx comes with the first revoked key', async () => {
    expect([...enrolmentVariables(keys).keys()]).toEqual(['PK', 'KEK', 'db']);
    const revoked = await revokeKey(keys, { subject: 'boot', reason: 'compromised' });
    expect([...enrolmentVariables(revoked).keys()]).toEqual(['PK', 'KEK', 'db', 'dbx']);
    expect(contentOf(enrolmentVariables(revoked).get('dbx') as Uint8Array).length).toBe(28 + 64);
    expect(makeSigner(revoked, recordOf(revoked.file, 'boot-1')).keyId).not.toBe(
      signerFor(revoked, 'boot').keyId,
    );
  });

  test('are among what is exported', async () => {
    const folder = join(bench.folder, 'public');
    const written = await exportKeys(keys, folder);
    expect(written.map((path) => path.slice(folder.length + 1))).toEqual([
      'roots.pem',
      'revoked.pem',
      'PK.auth',
      'KEK.auth',
      'db.auth',
    ]);
  });
});
