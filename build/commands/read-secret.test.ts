import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SecretRequest } from '../keys/secrets.ts';
import { createAskSecret, type SecretOptions } from './read-secret.ts';
import type { CommandContext } from './session.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secret-'));
});
afterAll(() => rm(folder, { recursive: true }));

const variables: Readonly<Record<string, string>> = {
  ONE: 'signing words',
  TWO: 'offline words',
  PIN: '1234',
  S: 'short',
};
const context = { host: { environmentVariable: (name: string) => variables[name] } } as CommandContext;
const signing: SecretRequest = {
  kind: 'passphrase',
  what: 'the keys of acme',
  isOffline: false,
  isNew: true,
};
const offline: SecretRequest = { ...signing, isOffline: true };
const ask = (options: SecretOptions, request: SecretRequest) => createAskSecret(context, options)(request);

describe('secrets that are not typed', () => {
  test('come from the variables that are named', async () => {
    expect(await ask({ passphraseEnv: 'ONE', offlinePassphraseEnv: 'TWO' }, signing)).toBe('signing words');
    expect(await ask({ passphraseEnv: 'ONE', offlinePassphraseEnv: 'TWO' }, offline)).toBe('offline words');
    expect(await ask({ passphraseEnv: 'ONE' }, offline)).toBe('signing words');
    expect(await ask({ pinEnv: 'PIN' }, { ...signing, kind: 'pin', isNew: false })).toBe('1234');
  });

  test('come from a file descriptor, a line each', async () => {
    const path = join(folder, 'passphrases');
    await writeFile(path, 'first words\nsecond words\n');
    const descriptor = openSync(path, 'r');
    try {
      const askBoth = createAskSecret(context, { passphraseFd: descriptor });
      expect([await askBoth(signing), await askBoth(offline)]).toEqual(['first words', 'second words']);
    } finally {
      closeSync(descriptor);
    }
  });

  test('a variable that is not set is said', async () => {
    await expect(ask({ passphraseEnv: 'NONE' }, signing)).rejects.toMatchObject({
      code: 'PASSPHRASE_ABSENT',
      message: 'Cannot open the keys of acme: the variable NONE is not set',
    });
  });

  test('a descriptor that is not open is said', async () => {
    await expect(ask({ passphraseFd: 987 }, signing)).rejects.toMatchObject({
      code: 'PASSPHRASE_ABSENT',
      message: 'Cannot read a passphrase from file descriptor 987',
    });
  });

  test('a new passphrase must not be short, an old one may be', async () => {
    await expect(ask({ passphraseEnv: 'S' }, signing)).rejects.toMatchObject({
      code: 'PASSPHRASE_SHORT',
      message: 'Cannot protect the keys of acme with a passphrase of fewer than 8 characters',
    });
    expect(await ask({ passphraseEnv: 'S' }, { ...signing, isNew: false })).toBe('short');
  });
});
