import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { developmentKeys, refuseDevelopmentKeys, tellDevelopmentKeys } from './development-keys.ts';
import { type KeyBench, openKeyBench } from './key-fixtures.ts';
import { defaultKeyFolder } from './key-folder.ts';
import { makeKeys } from './make-keys.ts';
import { openKeys, signerFor } from './open-keys.ts';
import { noSecrets, rememberSecrets, type SecretRequest } from './secrets.ts';

jest.setTimeout(60_000);

let bench: KeyBench;

beforeAll(async () => {
  bench = await openKeyBench();
  bench.variables.XDG_CONFIG_HOME = join(bench.folder, 'config');
});

afterAll(() => bench.close());

describe('making keys', () => {
  test('asks for one passphrase of the offline keys and one of the others, and encrypts with them', async () => {
    const asked: SecretRequest[] = [];
    const folder = join(bench.folder, 'real');
    const made = await makeKeys(bench.workshop, {
      name: 'real',
      folder,
      askSecret: async (request) => {
        asked.push(request);
        return request.isOffline ? 'offline words' : 'signing words';
      },
    });
    expect(asked).toEqual([
      { kind: 'passphrase', isOffline: true, isNew: true, what: 'the offline keys of real' },
      { kind: 'passphrase', isOffline: false, isNew: true, what: 'the signing keys of real' },
    ]);
    expect(made.isDevelopment).toBe(false);
    const opened = await openKeys(bench.workshop, { folder, askSecret: async () => 'signing words' });
    expect((await signerFor(opened, 'tuf-targets').sign(Buffer.from('x'))).length).toBe(64);
  });

  test('never writes over keys', async () => {
    const folder = join(bench.folder, 'real');
    const again = makeKeys(bench.workshop, { name: 'real', folder, askSecret: noSecrets });
    await expect(again).rejects.toMatchObject({
      code: 'KEYS_EXIST',
      message: `Cannot make keys in ${folder}: there are some already`,
    });
  });

  test('refuses a git work tree', async () => {
    const tree = join(bench.folder, 'checkout');
    await mkdir(join(tree, '.git'), { recursive: true });
    const folder = join(tree, 'deep/keys');
    await expect(makeKeys(bench.workshop, { name: 'x', folder, askSecret: noSecrets })).rejects.toMatchObject(
      {
        code: 'KEYS_IN_WORK_TREE',
        message: `Cannot put keys into ${folder}: it lies in the git work tree ${tree}`,
      },
    );
  });

  test('keys that are not there are an error with the way to make them', async () => {
    const folder = join(bench.folder, 'nowhere');
    await expect(openKeys(bench.workshop, { folder })).rejects.toMatchObject({
      code: 'KEYS_ABSENT',
      message: `Cannot find keys in ${folder}`,
      hint: 'Make them with `keelson keys init`, or name their folder with --keys.',
    });
  });
});

describe('development keys', () => {
  test('are made on first use, once for two builds at the same time, and say so', async () => {
    const [one, other] = await Promise.all([
      developmentKeys(bench.workshop),
      developmentKeys(bench.workshop),
    ]);
    expect(one.file).toEqual(other.file);
    expect(await readdir(join(bench.folder, 'config/keelson/keys'))).toEqual(['development']);
    expect(bench.events.filter(({ type }) => type === 'warning')).toContainEqual({
      type: 'warning',
      message: 'Signed with development keys: whoever has this computer can sign updates for these machines',
      hint: 'Make your own with `keelson keys init` and name them with --keys.',
    });
  });

  test('a release refuses them', async () => {
    const keys = await developmentKeys(bench.workshop);
    expect(() => refuseDevelopmentKeys(keys)).toThrow(
      `Cannot make a release with the development keys in ${keys.folder}`,
    );
    expect(() => refuseDevelopmentKeys({ isDevelopment: false, folder: 'x' })).not.toThrow();
  });

  test('other keys say nothing', () => {
    const count = bench.events.length;
    tellDevelopmentKeys({ isDevelopment: false, workshop: bench.workshop } as never);
    expect(bench.events.length).toBe(count);
  });
});

describe('where keys lie', () => {
  test.each([
    [{ XDG_CONFIG_HOME: '/c', HOME: '/h' }, '/c/keelson/keys/acme'],
    [{ XDG_CONFIG_HOME: 'relative', HOME: '/h' }, '/h/.config/keelson/keys/acme'],
    [{ HOME: '/h' }, '/h/.config/keelson/keys/acme'],
  ])('%j', (variables: Record<string, string>, folder) => {
    expect(defaultKeyFolder({ environmentVariable: (name) => variables[name] }, 'acme')).toBe(folder);
  });
});

describe('secrets', () => {
  test('are asked for once of each kind; an answer that failed is asked for again', async () => {
    let count = 0;
    const ask = rememberSecrets(async () => {
      count++;
      if (count === 1) throw new Error('not now');
      return `answer ${count}`;
    });
    const request = { kind: 'passphrase', what: 'keys', isOffline: false, isNew: false } as const;
    await expect(ask(request)).rejects.toThrow('not now');
    expect(await ask(request)).toBe('answer 2');
    expect(await ask(request)).toBe('answer 2');
    expect(await ask({ ...request, isOffline: true })).toBe('answer 3');
    expect(await ask({ ...request, kind: 'pin', what: 'token one' })).toBe('answer 4');
    expect(await ask({ ...request, kind: 'pin', what: 'token two' })).toBe('answer 5');
  });
});
