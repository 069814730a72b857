import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ForeignPlace } from './add-key.ts';
import { keyAlgorithms } from './key-algorithm.ts';
import { type KeyBench, openKeyBench } from './key-fixtures.ts';
import { readKeysFile, writeKeysFile } from './key-folder.ts';
import { type KeyRole, keyRoleSpecs } from './key-role.ts';
import { type Keys, openKeys, signerFor } from './open-keys.ts';
import { parsePkcs11Uri } from './pkcs11-uri.ts';
import { rotateKeys } from './rotate-keys.ts';
import type { SecretRequest } from './secrets.ts';

jest.setTimeout(60_000);

let bench: KeyBench;
let keys: Keys;

beforeAll(async () => {
  bench = await openKeyBench();
  keys = await bench.makeKeys('acme');
  await bench.workshop.openTools('keys');
});

afterAll(() => bench.close());

const message = Buffer.from('what is signed');

describe('keys in files', () => {
  test('are encrypted so that OpenSSL reads them, and their passphrase is asked for once', async () => {
    const asked: SecretRequest[] = [];
    const { privateKey } = await keyAlgorithms['ecdsa-p256'].generate();
    const { encryptPrivateKey } = await import('./encrypt-private-key.ts');
    const path = await bench.write('some.key.pem', encryptPrivateKey(privateKey, 'correct horse'));
    const password = await bench.write('password', 'correct horse\n');
    const read = await bench.run(
      '/usr/bin/openssl',
      'pkey',
      '-in',
      path,
      '-passin',
      `file:${password}`,
      '-noout',
    );
    expect(read).toEqual({ exitCode: 0, output: '' });
    expect(asked).toEqual([]);
  });

  test('a wrong passphrase is said, and not kept', async () => {
    const { folder, asked, answers } = await encryptedKeys('wrong');
    answers.push('not the one', 'correct horse');
    const opened = await openKeys(bench.workshop, {
      folder,
      askSecret: async (request) => {
        asked.push(request);
        return answers.shift() ?? '';
      },
    });
    const signer = signerFor(opened, 'tuf-timestamp');
    await expect(signer.sign(message)).rejects.toMatchObject({
      code: 'PASSPHRASE_WRONG',
      message: `Cannot open ${join(folder, 'tuf-timestamp-1.key.pem')}: the passphrase is wrong, or the file is damaged`,
    });
    expect(asked).toEqual([
      { kind: 'passphrase', isOffline: false, isNew: false, what: 'the signing keys of wrong' },
    ]);
  });

  test('nobody to ask is an error that says how else', async () => {
    const { folder } = await encryptedKeys('silent');
    const opened = await openKeys(bench.workshop, { folder });
    await expect(signerFor(opened, 'tuf-timestamp').sign(message)).rejects.toMatchObject({
      code: 'PASSPHRASE_ABSENT',
      message: 'Cannot open the signing keys of silent: nobody is there to ask for the passphrase',
    });
  });

  test('an offline key that is away is an error that says so', async () => {
    const { rename } = await import('node:fs/promises');
    const offline = await bench.makeKeys('offline');
    await rename(join(offline.folder, 'root-1.key.pem'), join(bench.folder, 'root-1.away'));
    const opened = await openKeys(bench.workshop, { folder: offline.folder });
    await expect(signerFor(opened, 'root').sign(message)).rejects.toMatchObject({
      code: 'KEY_ABSENT',
      message: `Cannot read the key for root: ${join(offline.folder, 'root-1.key.pem')}`,
      hint: expect.stringMatching(/^It is an offline key/),
    });
  });

  test('a damaged keys.json is said', async () => {
    const folder = join(bench.folder, 'damaged');
    await mkdir(folder);
    await writeFile(join(folder, 'keys.json'), '{"format":2}');
    await expect(openKeys(bench.workshop, { folder })).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: `Cannot understand ${join(folder, 'keys.json')}: it is damaged, or a newer Keelson wrote it`,
    });
  });

  /** Keys of which one is encrypted with "correct horse". */
  async function encryptedKeys(name: string) {
    const { encryptPrivateKey } = await import('./encrypt-private-key.ts');
    const folder = join(bench.folder, name);
    await mkdir(folder);
    const { publicKey, privateKey } = await keyAlgorithms.ed25519.generate();
    const { file } = keys;
    const records = file.keys.map((record) =>
      record.id === 'tuf-timestamp-1'
        ? {
            ...record,
            publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
            place: { kind: 'file' as const, file: 'tuf-timestamp-1.key.pem', isEncrypted: true },
          }
        : record,
    );
    await writeKeysFile(folder, { ...file, name, keys: records });
    await writeFile(join(folder, 'tuf-timestamp-1.key.pem'), encryptPrivateKey(privateKey, 'correct horse'));
    return { folder, asked: [] as SecretRequest[], answers: [] as string[] };
  }
});

/** Gives the place's key to the role, and signs with it. */
async function signWith(role: KeyRole, place: ForeignPlace, pin = ''): Promise<Uint8Array> {
  const copy = { ...keys, askSecret: async () => pin, folder: keys.folder };
  const rotated = await rotateKeys(copy, { subject: role, place });
  return signerFor(rotated, role).sign(message);
}

describe('keys behind a command', () => {
  async function program(name: string, lines: readonly string[]): Promise<ForeignPlace> {
    const path = await bench.write(name, ['#!/bin/sh', ...lines, ''].join('\n'));
    await chmod(path, 0o755);
    return { kind: 'command', command: [path] };
  }

  test('sign, and never show themselves', async () => {
    const { publicKey, privateKey } = await keyAlgorithms[keyRoleSpecs.update.algorithm].generate();
    await bench.write('command.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await bench.write('command.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    const signScript = await bench.write(
      'sign.mjs',
      `import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
const key = readFileSync(new URL('command.pem', import.meta.url));
process.stdout.write(sign('sha256', readFileSync(0), key).toString('base64'));`,
    );
    const place = await program('signer', [
      `cd ${bench.folder}`,
      `[ "$KEELSON_ACTION" = public-key ] && exec cat command.pub`,
      `[ "$KEELSON_ALGORITHM" = ecdsa-p256 ] && exec ${process.execPath} ${signScript}`,
    ]);
    expect((await signWith('update', place)).length).toBeGreaterThan(60);
    expect(JSON.stringify(await readKeysFile(keys.folder))).not.toContain('PRIVATE');
  });

  test('a signature by another key is refused', async () => {
    await bench.write(
      'other.pub',
      (await keyAlgorithms['ecdsa-p256'].generate()).publicKey
        .export({ type: 'spki', format: 'pem' })
        .toString(),
    );
    const place = await program('liar', [
      `cd ${bench.folder}`,
      '[ "$KEELSON_ACTION" = public-key ] && exec cat other.pub',
      'echo AAAA',
    ]);
    await expect(signWith('update', place)).rejects.toMatchObject({
      code: 'SIGNATURE_WRONG',
      message: expect.stringMatching(
        /^Cannot sign with the key for update: the signature does not fit the public key of update-\d+$/,
      ),
    });
  });

  test('what it complains of is shown', async () => {
    const place = await program('broken', ['echo "no such account" >&2', 'exit 3']);
    await expect(signWith('update', place)).rejects.toMatchObject({
      code: 'SIGNER_FAILED',
      message: `Cannot use the key for update: ${join(bench.folder, 'broken')} ended with exit code 3\n  no such account`,
    });
  });

  test('a key of the wrong kind is refused', async () => {
    await bench.write(
      'edwards.pub',
      (await keyAlgorithms.ed25519.generate()).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    );
    const place = await program('wrong-kind', [`exec cat ${join(bench.folder, 'edwards.pub')}`]);
    await expect(signWith('update', place)).rejects.toMatchObject({
      code: 'KEY_UNSUITABLE',
      message: 'Cannot use that key for update: it is ed25519',
      hint: 'Make a key of kind ecdsa-p256.',
    });
  });
});

describe('keys in a token', () => {
  const modulePath = '/usr/lib/softhsm/libsofthsm2.so';
  const pin = '1234';

  async function makeToken(): Promise<void> {
    await mkdir(join(bench.folder, 'tokens'), { recursive: true });
    const settings = `directories.tokendir = ${join(bench.folder, 'tokens')}\nobjectstore.backend = file\n`;
    await bench.write('softhsm2.conf', settings);
    await token(
      '/usr/bin/softhsm2-util',
      '--init-token',
      '--free',
      '--label',
      'release',
      '--so-pin',
      pin,
      '--pin',
      pin,
    );
    for (const [label, type, id] of [
      ['update', 'EC:prime256v1', '01'],
      ['boot', 'rsa:2048', '02'],
    ] as const)
      await token(
        '/usr/bin/pkcs11-tool',
        ...['--module', modulePath, '--login', '--pin', pin, '--token-label', 'release'],
        ...['--keypairgen', '--key-type', type, '--label', label, '--id', id],
      );
  }

  const environment = () => ({ SOFTHSM2_CONF: join(bench.folder, 'softhsm2.conf') });

  async function token(file: string, ...argumentList: readonly string[]): Promise<void> {
    const tools = await bench.workshop.openTools('keys');
    await tools.run({ file, arguments: argumentList, writable: [bench.folder], environment: environment() });
  }

  const place = (id: string): ForeignPlace => ({
    kind: 'pkcs11',
    uri: `pkcs11:token=release;id=${id}?module-path=${modulePath}`,
    environment: environment(),
    folders: [bench.folder],
  });

  test('sign with ECDSA and RSA', async () => {
    await makeToken();
    expect((await signWith('update', place('%01'), pin)).length).toBeGreaterThan(60);
    expect((await signWith('boot', place('%02'), pin)).length).toBe(256);
  });

  test('a wrong PIN is said', async () => {
    await expect(signWith('update', place('%01'), 'wrong')).rejects.toMatchObject({
      code: 'PIN_WRONG',
      message: expect.stringMatching(/^Cannot use the key for update in the token "release"/),
    });
  });

  test('a key that is not there is said', async () => {
    await expect(signWith('update', place('%03'), pin)).rejects.toMatchObject({
      code: 'SIGNER_FAILED',
      message: expect.stringMatching(/^Cannot use the key for update in the token "release"/),
    });
  });
});

describe('a PKCS #11 URI', () => {
  test('names the library, the token and the key', () => {
    expect(
      parsePkcs11Uri('pkcs11:token=My%20token;object=a%3Db;id=%01%ab?module-path=/usr/lib/x.so'),
    ).toEqual({ modulePath: '/usr/lib/x.so', token: 'My token', id: '01ab' });
  });

  test.each([
    ['pkcs11:token=t;id=%01', "it does not name the token's library"],
    ['pkcs11:token=t;id=%01?module-path=x.so', "it does not name the token's library"],
    ['pkcs11:token=t;object=o?module-path=/x.so', 'it does not name a key by its id'],
    ['pkcs11:id=%zz?module-path=/x.so', 'a % in it begins no byte'],
  ])('%s is refused: %s', (uri, why) => {
    expect(() => parsePkcs11Uri(uri)).toThrow(`Cannot use ${uri}: ${why}`);
  });

  test('with a PIN is refused, and the PIN is not shown', () => {
    expect(() => parsePkcs11Uri('pkcs11:object=o?module-path=/x.so&pin-value=1234')).toThrow(
      'Cannot use pkcs11:object=o?module-path=/x.so&pin-value=…: it holds a PIN',
    );
  });
});
