import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BuildHost } from '../host/build-host.ts';
import { makeLoginKey, publicKeyOf } from './login-key.ts';
import { findLogin } from './login-key-files.ts';

describe('a fresh key pair', () => {
  const key = makeLoginKey('me@here');

  test('the private key is a PEM file that ssh reads', () => {
    expect(key.privateKey).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
  });

  test('the public key is a line of authorized_keys', () => {
    const [type, blob = '', comment] = key.publicKey.split(' ');
    expect([type, comment]).toEqual(['ecdsa-sha2-nistp256', 'me@here']);
    const bytes = Buffer.from(blob, 'base64');
    expect(bytes.subarray(0, 23).toString('latin1')).toBe('\0\0\0\x13ecdsa-sha2-nistp256');
    expect(bytes.subarray(23, 35).toString('latin1')).toBe('\0\0\0\x08nistp256');
    expect([bytes.readUInt32BE(35), bytes[39], bytes.length]).toEqual([65, 4, 104]);
  });

  test('the public key follows from the private one', () => {
    expect(`${publicKeyOf(key.privateKey)} me@here`).toBe(key.publicKey);
  });
});

describe('who may log in', () => {
  let folder: string;
  const host = (home: string | undefined): BuildHost =>
    ({ environmentVariable: (name: string) => (name === 'HOME' ? home : undefined) }) as unknown as BuildHost;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-test-'));
    await mkdir(join(folder, '.ssh'));
    await writeFile(join(folder, 'named.pub'), 'ssh-ed25519 AAAA named\n');
    await writeFile(join(folder, 'private'), '-----BEGIN OPENSSH PRIVATE KEY-----\n');
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('nobody has a key: a pair is made, and found again', async () => {
    const first = await findLogin(host(folder), folder, undefined);
    expect(first.privateKeyPath).toBe(join(folder, 'login-key'));
    expect((await stat(join(folder, 'login-key'))).mode & 0o777).toBe(0o600);
    const again = await findLogin(host(undefined), folder, undefined);
    expect(first.publicKey).toBe(`${again.publicKey} keelson-run`);
  });

  test('the user has a key', async () => {
    await writeFile(join(folder, '.ssh/id_rsa.pub'), 'ssh-rsa AAAA me\n');
    await writeFile(join(folder, '.ssh/id_ed25519.pub'), 'ssh-ed25519 AAAA me\n');
    const login = await findLogin(host(folder), folder, undefined);
    expect(login).toEqual({ publicKey: 'ssh-ed25519 AAAA me', privateKeyPath: undefined });
  });

  test('a key was named', async () => {
    const login = await findLogin(host(folder), folder, join(folder, 'named.pub'));
    expect(login).toEqual({ publicKey: 'ssh-ed25519 AAAA named', privateKeyPath: undefined });
  });

  test.each(['private', 'missing.pub'])('%s is no public key', async (name) => {
    const path = join(folder, name);
    await expect(findLogin(host(folder), folder, path)).rejects.toMatchObject({
      code: 'LOGIN_KEY_UNUSABLE',
      class: 'input',
      message: `Cannot use ${path} as the key to log in with: it is not a readable public key`,
      hint: 'name the file that ends in `.pub`',
    });
  });
});
