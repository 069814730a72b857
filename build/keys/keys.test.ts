import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeKeys, keyWarnings } from './describe-keys.ts';
import { type KeyBench, openKeyBench } from './key-fixtures.ts';
import { type Keys, makeSigner, openKeys, recordOf, recordsOf, signerFor, signersFor } from './open-keys.ts';
import { revokeKey } from './revoke-key.ts';
import { rotateKeys } from './rotate-keys.ts';
import { signCms } from './sign-cms.ts';
import type { Signer } from './signer.ts';
import { revocationLists, trustAnchors, updateKeyring } from './trust.ts';

jest.setTimeout(60_000);

let bench: KeyBench;
let keys: Keys;

beforeAll(async () => {
  bench = await openKeyBench();
  keys = await bench.makeKeys('acme');
  // Unpacked on first use.
  await bench.workshop.openTools('keys');
}, 120_000);

afterAll(() => bench.close());

const message = Buffer.from('[update]\ncompatible=acme-x86-64\n');

/** As RAUC checks: purpose, chain, and a revocation list of every authority. */
async function verify(signer: Signer, trusted: Keys): Promise<string> {
  const now = new Date(bench.workshop.host.now());
  const signature = await bench.write('message.cms', await signCms(signer, message, now));
  const keyring = await bench.write('keyring.pem', updateKeyring(trusted));
  const { exitCode, output } = await bench.run(
    '/usr/bin/openssl',
    ...['cms', '-verify', '-inform', 'DER', '-in', signature, '-CAfile', keyring],
    ...['-crl_check_all', '-purpose', 'codesign', '-out', join(bench.folder, 'message')],
    ...['-attime', String(Math.floor(now.getTime() / 1000))],
  );
  if (exitCode === 0) return 'good';
  return /Verify error: ?(.*)/.exec(output)?.[1] ?? output;
}

const states = ({ file }: Keys) => file.keys.map(({ id, state }) => `${id} ${state}`);

describe('a set of keys', () => {
  test('has a root, an authority for each role, leaves that sign, and the keys of the channel', () => {
    expect(states(keys)).toEqual([
      'root-1 current',
      'update-ca-1 current',
      'update-1 current',
      'boot-pk-1 current',
      'boot-kek-1 current',
      'boot-db-1 current',
      'boot-1 current',
      'tuf-root-1 current',
      'tuf-root-2 current',
      'tuf-root-3 current',
      'tuf-targets-1 current',
      'tuf-snapshot-1 current',
      'tuf-timestamp-1 current',
    ]);
  });

  test('every certificate is signed by its issuer and ends no later', () => {
    const wrong = keys.file.keys.filter(({ certificate }) => {
      if (certificate === undefined) return false;
      const own = new X509Certificate(certificate.pem);
      const issuer = new X509Certificate(recordOf(keys.file, certificate.issuer).certificate?.pem ?? '');
      return (
        !own.checkIssued(issuer) ||
        !own.verify(issuer.publicKey) ||
        own.validToDate.getTime() > issuer.validToDate.getTime()
      );
    });
    expect(wrong).toEqual([]);
  });

  test("says that it is for trying out, also in its certificates' names", () => {
    expect(keys.isDevelopment).toBe(true);
    expect(describeKeys(keys)[0]?.certificate?.subject).toBe('O=acme (not for production), CN=acme root-1');
  });

  test('lies in files that only their owner reads', async () => {
    const folder = join(bench.folder, 'acme');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder))
      expect([name, (await stat(join(folder, name))).mode & 0o777]).toEqual([name, 0o600]);
  });

  test('keys.json holds no private key', async () => {
    expect(await readFile(join(bench.folder, 'acme/keys.json'), 'utf8')).not.toMatch(/PRIVATE/);
  });

  test('is the same when it is opened again', async () => {
    const again = await openKeys(bench.workshop, { folder: keys.folder });
    expect(again.file).toEqual(keys.file);
  });
});

describe('a signed message', () => {
  test('is good by OpenSSL, with lists checked and the purpose of signing code', async () => {
    expect(await verify(signerFor(keys, 'update'), keys)).toBe('good');
    expect(await readFile(join(bench.folder, 'message'))).toEqual(message);
  });

  test('of foreign keys is refused', async () => {
    const foreign = await bench.makeKeys('foreign');
    expect(await verify(signerFor(foreign, 'update'), keys)).toMatch(/unable to get .*issuer certificate/);
  });

  test('of a key without a certificate does not exist', async () => {
    await expect(signCms(signerFor(keys, 'tuf-targets'), message)).rejects.toThrow(
      'Cannot sign a message with the key for tuf-targets: it has no certificate, or is not RSA or ECDSA',
    );
  });

  test('an ended certificate signs nothing', async () => {
    const now = bench.workshop.host.now();
    bench.setClock(new Date(now + 366 * 24 * 60 * 60 * 1000));
    try {
      await expect(signerFor(keys, 'update').sign(message)).rejects.toThrow(
        /^Cannot sign with update-1: its certificate ended on \d{4}-\d\d-\d\d$/,
      );
      expect(keyWarnings(describeKeys(keys))).toContainEqual(
        'update-1 has ended and signs no more: `keelson keys rotate update`',
      );
    } finally {
      bench.setClock(new Date(now));
    }
  });
});

describe('keys of the channel', () => {
  test('are three for its root, and sign with Ed25519', async () => {
    const signers = signersFor(keys, 'tuf-root');
    expect(signers.map(({ algorithm }) => algorithm)).toEqual(['ed25519', 'ed25519', 'ed25519']);
    expect((await signers[0]?.sign(message))?.length).toBe(64);
    expect(new Set(signers.map(({ keyId }) => keyId)).size).toBe(3);
  });

  test('one of several must be named', async () => {
    await expect(rotateKeys(keys, { subject: 'tuf-root' })).rejects.toMatchObject({
      code: 'KEY_AMBIGUOUS',
      message: 'Cannot tell which key for tuf-root is meant',
      hint: 'Name one of tuf-root-1, tuf-root-2, tuf-root-3.',
    });
  });

  test('the one that is replaced can still sign its successor in', async () => {
    const rotated = await rotateKeys(keys, { subject: 'tuf-root-2' });
    expect(recordsOf(rotated.file, 'tuf-root', 'current').map(({ id }) => id)).toEqual([
      'tuf-root-1',
      'tuf-root-3',
      'tuf-root-4',
    ]);
    expect(signersFor(rotated, 'tuf-root', 'retired')).toHaveLength(1);
  });
});

describe('rotation', () => {
  test('of a leaf takes one step: the new one signs, machines notice nothing', async () => {
    const rotated = await rotateKeys(keys, { subject: 'update' });
    expect(states(rotated)).toContain('update-1 retired');
    expect(await verify(signerFor(rotated, 'update'), keys)).toBe('good');
  });

  test('of a root: old machines take the release in between, and then only what the new root signed', async () => {
    const first = await rotateKeys(keys, { subject: 'root' });
    expect(trustAnchors(first).match(/BEGIN/g)).toHaveLength(2);
    expect(await verify(signerFor(first, 'update'), keys)).toBe('good');

    const second = await rotateKeys(first, { subject: 'root', isFinish: true });
    expect(await verify(signerFor(second, 'update'), first)).toBe('good');
    expect(await verify(signerFor(first, 'update'), second)).toMatch(/unable to get .*issuer certificate/);
    expect(await verify(signerFor(second, 'update'), keys)).toMatch(/unable to get/);
  });

  test('of an authority is announced first: without its list machines would refuse it', async () => {
    const first = await rotateKeys(keys, { subject: 'update-ca' });
    expect(revocationLists(first).match(/BEGIN/g)).toHaveLength(3);
    const second = await rotateKeys(first, { subject: 'update-ca', isFinish: true });
    expect(await verify(signerFor(second, 'update'), first)).toBe('good');
    expect(await verify(signerFor(second, 'update'), keys)).toMatch(/unable to get certificate CRL/);
  });

  test('steps out of order are refused', async () => {
    await expect(rotateKeys(keys, { subject: 'root', isFinish: true })).rejects.toMatchObject({
      code: 'KEY_ROTATION_ABSENT',
      message: 'Cannot finish to rotate root: no new key is waiting',
    });
    await expect(rotateKeys(keys, { subject: 'update', isFinish: true })).rejects.toThrow(
      'Cannot finish to rotate update: it changes in one step',
    );
    const open = await rotateKeys(keys, { subject: 'boot-db' });
    await expect(rotateKeys(open, { subject: 'boot-db' })).rejects.toMatchObject({
      code: 'KEY_ROTATION_OPEN',
      message: 'Cannot rotate boot-db now: boot-db-2 is waiting',
    });
    await expect(rotateKeys(keys, { subject: 'nobody' })).rejects.toThrow('Cannot find a key "nobody"');
  });
});

describe('revocation', () => {
  test('of a leaf: machines with the new list refuse it, its successor is good on all', async () => {
    const revoked = await revokeKey(keys, { subject: 'update', reason: 'compromised' });
    const old = makeSigner(revoked, recordOf(revoked.file, 'update-1'));
    expect(await verify(old, keys)).toBe('good');
    expect(await verify(old, revoked)).toBe('certificate revoked');
    expect(await verify(signerFor(revoked, 'update'), keys)).toBe('good');
    expect(await verify(signerFor(revoked, 'update'), revoked)).toBe('good');
  });

  test('of an authority: the root certifies a leaf until the successor has been announced', async () => {
    const revoked = await revokeKey(keys, { subject: 'update-ca', reason: 'compromised' });
    const old = makeSigner(revoked, recordOf(revoked.file, 'update-1'));
    expect(await verify(old, revoked)).toBe('certificate revoked');
    expect(await verify(signerFor(revoked, 'update'), keys)).toBe('good');
    const finished = await rotateKeys(revoked, { subject: 'update-ca', isFinish: true });
    expect(await verify(signerFor(finished, 'update'), revoked)).toBe('good');
  });

  test('what machines trust by itself cannot be revoked', async () => {
    await expect(revokeKey(keys, { subject: 'root', reason: 'compromised' })).rejects.toMatchObject({
      code: 'KEY_NOT_REVOCABLE',
      message: 'Cannot revoke root-1: machines trust it by itself, nobody can take that back but a new image',
      hint: 'Replace it with `keelson keys rotate root`, and release.',
    });
  });

  test('twice is once too often', async () => {
    const revoked = await revokeKey(keys, { subject: 'update-1', reason: 'superseded' });
    await expect(revokeKey(revoked, { subject: 'update-1', reason: 'superseded' })).rejects.toMatchObject({
      code: 'KEY_REVOKED',
      message: 'Cannot revoke update-1: there is no such key, or it is revoked already',
    });
  });
});
