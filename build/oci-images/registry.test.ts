// Over 300 lines: servers that are dear to start serve all of these situations.
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore, removeTree } from '../store/open-store.ts';
import { makeOciLayout, type TestImage } from '../testing/make-oci-layout.ts';
import { startTestRegistry, type TestRegistry, testCredentials } from '../testing/oci-registry.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import type { Workshop } from '../tools/workshop.ts';
import { parseImageReference } from './image-reference.ts';
import type { ImageRequest } from './image-request.ts';
import { lockImage } from './lock-image.ts';
import { openImage } from './open-image.ts';

let folder: string;
let real: Workshop;
let registry: TestRegistry;
let privateRegistry: TestRegistry;
let authorities: ImageRequest['authorities'];
let digests: Readonly<Record<string, string>>;

const hello = (text: string, more: Partial<TestImage> = {}): TestImage => ({
  layers: [
    [
      { name: 'etc/', type: 'directory', mode: 0o755 },
      { name: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv:/bin/sh\n' },
      { name: 'etc/old', content: 'old\n' },
      { name: 'srv/', type: 'directory', mode: 0o750, uid: 101, gid: 102 },
      { name: 'srv/page', content: 'first\n', uid: 101, gid: 102, mode: 0o640 },
    ],
    [
      { name: 'etc/.wh.old', content: '' },
      { name: 'srv/page', content: text, uid: 101, gid: 102, mode: 0o640 },
      { name: 'usr/bin/su', content: '#!/bin/sh\n', mode: 0o4755 },
    ],
  ],
  config: { User: 'web', Entrypoint: ['/usr/bin/su'], Cmd: ['-'], Env: ['A=b'] },
  ...more,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-oci-'));
  real = await openRealWorkshop();
  registry = await startTestRegistry(real, join(folder, 'public'));
  privateRegistry = await startTestRegistry(real, join(folder, 'private'), { isPrivate: true });
  authorities = { path: registry.authority, sha256: '' };
  digests = await makeOciLayout(join(folder, 'layout'), {
    one: hello('one\n'),
    two: hello('two\n', { packing: 'zstd' }),
    plain: hello('plain\n', { packing: 'none' }),
    many: [hello('arm\n', { architecture: 'arm64' }), hello('many\n')],
    arm: hello('arm\n', { architecture: 'arm64' }),
    sharing: hello('sharing\n'),
  });
  for (const tag of Object.keys(digests)) await push(tag, `${registry.address}/team/hello:${tag}`);
}, 300_000);

afterAll(async () => {
  await registry?.stop();
  await privateRegistry?.stop();
  await removeTree(folder);
});

async function push(
  tag: string,
  target: string,
  words: readonly string[] = [],
  authority = registry.authority,
) {
  const tools = await real.openTools('oci');
  await tools.run({
    file: '/usr/bin/skopeo',
    arguments: [
      '--insecure-policy',
      'copy',
      '--all',
      ...words,
      `oci:${join(folder, 'layout')}:${tag}`,
      `docker://${target}`,
    ],
    environment: { SSL_CERT_FILE: authority },
    readOnly: [join(folder, 'layout'), authority],
    hasNetwork: true,
  });
}

/** The computer's tools, a store of its own, and an environment without the developer's credentials. */
async function freshWorkshop(environment: Readonly<Record<string, string>> = {}): Promise<Workshop> {
  const root = await mkdtemp(join(folder, 'store-'));
  const home = await mkdtemp(join(folder, 'home-'));
  const variables: Readonly<Record<string, string>> = { HOME: home, ...environment };
  const host = { ...real.host, environmentVariable: (name: string) => variables[name] };
  return { ...real, host, store: await openStore({ root, host }) };
}

function request(reference: string, changes: Partial<ImageRequest> = {}): ImageRequest {
  const parsed = parseImageReference(reference, folder);
  if ('reason' in parsed) throw new Error(parsed.reason);
  const place = { file: '/recipe.yaml', line: 3 };
  return { reference, source: parsed.source, place, key: undefined, authorities, ...changes };
}

const inRegistry = (rest: string, changes: Partial<ImageRequest> = {}) =>
  request(`${registry.address}/team/hello${rest}`, changes);

async function lockAndOpen(workshop: Workshop, wish: ImageRequest) {
  const locked = await lockImage(workshop, wish, 'x86-64');
  return { locked, opened: await openImage(workshop, wish, locked) };
}

/** Hexadecimal digests of an image's layers. */
async function layersOf(manifestSha256: string): Promise<string[]> {
  const text = await readFile(join(folder, 'layout/blobs/sha256', manifestSha256), 'utf8');
  const { layers } = JSON.parse(text) as { layers: { digest: string }[] };
  return layers.map(({ digest }) => digest.slice('sha256:'.length));
}

/** Where the registry keeps a blob. */
const dataOf = (sha256: string) =>
  join(registry.dataFolder, `docker/registry/v2/blobs/sha256/${sha256.slice(0, 2)}/${sha256}/data`);

describe('an image in a registry', () => {
  test('is locked by digest and opened: whiteouts, owners and modes', async () => {
    const { locked, opened } = await lockAndOpen(await freshWorkshop(), inRegistry(':one'));
    expect(locked).toMatchObject({ digest: digests.one, manifestSha256: digests.one?.slice(7) });
    expect(opened.configuration).toMatchObject({
      user: 'web',
      entrypoint: ['/usr/bin/su'],
      arguments: ['-'],
      environment: ['A=b'],
    });
    expect(opened.facts).toEqual({ setIdFiles: 1, capabilityFiles: 0, devices: 0, pipes: 0 });
    expect([...opened.tree.keys()].sort()).toEqual(
      ['/', '/etc', '/etc/passwd', '/srv', '/srv/page', '/usr', '/usr/bin', '/usr/bin/su'].sort(),
    );
    expect(opened.tree.get('/srv/page')).toMatchObject({ mode: 0o640, uid: 101, gid: 102 });
  }, 120_000);

  test.each(['two', 'plain'])(
    'has layers packed otherwise: %s',
    async (tag) => {
      const { opened } = await lockAndOpen(await freshWorkshop(), inRegistry(`:${tag}`));
      const page = opened.tree.get('/srv/page');
      expect(page?.type === 'file' && (await page.content.read()).toString()).toBe(`${tag}\n`);
    },
    120_000,
  );

  test('is chosen from an index by the architecture', async () => {
    const { locked, opened } = await lockAndOpen(await freshWorkshop(), inRegistry(':many'));
    expect(locked.digest).toBe(digests.many);
    expect(`sha256:${locked.manifestSha256}`).not.toBe(digests.many);
    const page = opened.tree.get('/srv/page');
    expect(page?.type === 'file' && (await page.content.read()).toString()).toBe('many\n');
  }, 120_000);

  test("may be of Docker's own format", async () => {
    await push('one', `${registry.address}/team/docker:1`, ['--format', 'v2s2']);
    const wish = request(`${registry.address}/team/docker:1`);
    const { locked, opened } = await lockAndOpen(await freshWorkshop(), wish);
    expect(locked.digest).not.toBe(digests.one);
    expect(opened.tree.has('/srv/page')).toBe(true);
  }, 120_000);

  test('is built as it was locked, although the tag has moved', async () => {
    await push('one', `${registry.address}/team/moving:1`);
    const wish = request(`${registry.address}/team/moving:1`);
    const before = await lockImage(await freshWorkshop(), wish, 'x86-64');
    await push('two', `${registry.address}/team/moving:1`);
    const opened = await openImage(await freshWorkshop(), wish, before);
    const page = opened.tree.get('/srv/page');
    expect(page?.type === 'file' && (await page.content.read()).toString()).toBe('one\n');
    const after = await lockImage(await freshWorkshop(), wish, 'x86-64');
    expect([before.digest, after.digest]).toEqual([digests.one, digests.two]);
  }, 180_000);

  test('is not fetched again', async () => {
    const workshop = await freshWorkshop();
    const wish = inRegistry(':one');
    const { locked } = await lockAndOpen(workshop, wish);
    const nowhere = request('127.0.0.1:1/team/hello:one');
    expect((await openImage(workshop, nowhere, locked)).tree.has('/srv/page')).toBe(true);
  }, 120_000);

  test('shares layers with others: those that are known are not fetched again', async () => {
    await push('sharing', `${registry.address}/team/sharing:1`);
    const workshop = await freshWorkshop();
    const { locked } = await lockAndOpen(workshop, inRegistry(':one'));
    const [shared = ''] = await layersOf(locked.manifestSha256);
    const honest = await readFile(dataOf(shared));
    await rm(dataOf(shared));
    try {
      const wish = request(`${registry.address}/team/sharing:1`);
      const { opened } = await lockAndOpen(workshop, wish);
      const page = opened.tree.get('/srv/page');
      expect(page?.type === 'file' && (await page.content.read()).toString()).toBe('sharing\n');
      await expect(lockImage(await freshWorkshop(), wish, 'x86-64')).rejects.toMatchObject({
        message: expect.stringContaining('Cannot use the image'),
      });
    } finally {
      await writeFile(dataOf(shared), honest);
    }
  }, 180_000);

  test('must be for the architecture', async () => {
    await expect(lockImage(await freshWorkshop(), inRegistry(':arm'), 'x86-64')).rejects.toMatchObject({
      code: 'IMAGE_ARCHITECTURE_MISSING',
      message: expect.stringContaining('it is not for x86-64 machines, but for linux/arm64'),
    });
  }, 120_000);

  test.each([
    [':nothing', 'IMAGE_NOT_FOUND', 'Correct the name, the tag or the digest.'],
    [`@sha256:${'0'.repeat(64)}`, 'IMAGE_NOT_FOUND', 'Correct the name, the tag or the digest.'],
  ])(
    'that is not there is told: %s',
    async (rest, code, hint) => {
      const wish = inRegistry(rest);
      await expect(lockImage(await freshWorkshop(), wish, 'x86-64')).rejects.toMatchObject({
        code,
        hint,
        place: wish.place,
        message: expect.stringContaining(`Cannot use the image ${wish.reference}: `),
      });
    },
    120_000,
  );

  test('a registry that is not there is told', async () => {
    const wish = request('127.0.0.1:1/team/hello:one');
    await expect(lockImage(await freshWorkshop(), wish, 'x86-64')).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      class: 'network',
    });
  }, 120_000);

  test('whose bytes are not those of the digest is refused', async () => {
    await push('two', `${registry.address}/team/spoilt:1`);
    const wish = request(`${registry.address}/team/spoilt:1`);
    const locked = await lockImage(await freshWorkshop(), wish, 'x86-64');
    const [, layer = ''] = await layersOf(locked.manifestSha256);
    const data = dataOf(layer);
    const honest = await readFile(data);
    await writeFile(data, Buffer.concat([honest.subarray(0, -1), Buffer.from([(honest.at(-1) ?? 0) ^ 1])]));
    try {
      await expect(openImage(await freshWorkshop(), wish, locked)).rejects.toMatchObject({
        code: 'IMAGE_DAMAGED',
        class: 'network',
      });
      // More than the manifest says is cut off before it fills the disk.
      await writeFile(data, Buffer.concat([honest, Buffer.alloc(64 * 1024 ** 2)]));
      const workshop = await freshWorkshop();
      await expect(openImage(workshop, wish, locked)).rejects.toMatchObject({ code: 'IMAGE_DAMAGED' });
      expect(await readdir(join(workshop.store.root, 'tmp'))).toEqual([]);
    } finally {
      await writeFile(data, honest);
    }
  }, 180_000);
});

describe('trust', () => {
  test('an authority of one’s own must be named', async () => {
    const unknown = inRegistry(':one', { authorities: undefined });
    await expect(lockImage(await freshWorkshop(), unknown, 'x86-64')).rejects.toMatchObject({
      code: 'REGISTRY_UNTRUSTED',
      hint: expect.stringContaining('authorities: FILE'),
    });
    const workshop = await freshWorkshop({ SSL_CERT_FILE: registry.authority });
    expect((await lockImage(workshop, unknown, 'x86-64')).digest).toBe(digests.one);
    const home = await mkdtemp(join(folder, 'certs-'));
    const certs = join(home, '.config/containers/certs.d', registry.address);
    await mkdir(certs, { recursive: true });
    await writeFile(join(certs, 'own.crt'), await readFile(registry.authority));
    expect((await lockImage(await freshWorkshop({ HOME: home }), unknown, 'x86-64')).digest).toBe(
      digests.one,
    );
  }, 120_000);

  test('a private registry wants the credentials of the user, which stay where they are', async () => {
    const { user, password } = testCredentials;
    const secret = Buffer.from(`${user}:${password}`).toString('base64');
    const auths = JSON.stringify({ auths: { [privateRegistry.address]: { auth: secret } } });
    const home = await mkdtemp(join(folder, 'login-'));
    await mkdir(join(home, '.docker'));
    await writeFile(join(home, '.docker/config.json'), auths);
    const file = join(home, 'auth.json');
    await writeFile(file, auths);
    await push(
      'one',
      `${privateRegistry.address}/team/hello:one`,
      ['--dest-creds', `${user}:${password}`],
      privateRegistry.authority,
    );
    const wish = request(`${privateRegistry.address}/team/hello:one`, {
      authorities: { path: privateRegistry.authority, sha256: '' },
    });
    await expect(lockImage(await freshWorkshop(), wish, 'x86-64')).rejects.toMatchObject({
      code: 'IMAGE_ACCESS_DENIED',
      hint: expect.stringContaining('docker login'),
    });
    await expect(
      lockImage(await freshWorkshop({ REGISTRY_AUTH_FILE: join(home, 'missing') }), wish, 'x86-64'),
    ).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
    const helped = join(home, 'helped.json');
    await writeFile(helped, JSON.stringify({ credsStore: 'desktop' }));
    await expect(
      lockImage(await freshWorkshop({ REGISTRY_AUTH_FILE: helped }), wish, 'x86-64'),
    ).rejects.toMatchObject({
      code: 'IMAGE_ACCESS_DENIED',
      hint: expect.stringContaining('Credential helpers are not run'),
    });
    for (const environment of [{ HOME: home }, { REGISTRY_AUTH_FILE: file }]) {
      const seen: string[] = [];
      const workshop = await freshWorkshop(environment);
      const run: Workshop['host']['run'] = (command, options) => {
        seen.push(JSON.stringify(command));
        return real.host.run(command, options);
      };
      const watched = { ...workshop, host: { ...workshop.host, run } };
      expect((await lockAndOpen(watched, wish)).locked.digest).toBe(digests.one);
      const traces = [...seen, ...(await readAll(workshop.store.root))].filter(
        (text) => text.includes(secret) || text.includes(password),
      );
      expect(traces).toEqual([]);
    }
  }, 240_000);

  test('a signature that is demanded must be there, and by that key', async () => {
    const keys = join(folder, 'keys');
    const others = join(folder, 'other-keys');
    for (const each of [keys, others]) {
      await mkdir(each);
      await cosign(['generate-key-pair'], each);
    }
    const key = { path: join(keys, 'cosign.pub'), sha256: '' };
    const refused = { code: 'IMAGE_SIGNATURE_INVALID', class: 'input' };
    const wish = inRegistry(':many', { key });
    const workshop = await freshWorkshop();
    await expect(lockImage(workshop, wish, 'x86-64')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('no signatures found'),
    });
    // Nothing of an image that is refused is kept.
    expect(await readdir(join(workshop.store.root, 'blobs/sha256'))).toEqual([]);
    const sign = ['sign', '--tlog-upload=false', '--yes', `${registry.address}/team/hello@${digests.many}`];
    await cosign([...sign, '--key', join(others, 'cosign.key')], folder);
    await expect(lockImage(workshop, wish, 'x86-64')).rejects.toMatchObject(refused);
    await cosign([...sign, '--key', join(keys, 'cosign.key')], folder);
    expect((await lockImage(workshop, wish, 'x86-64')).digest).toBe(digests.many);
    // Of another image, signed by the same key, the signature is worth nothing.
    await expect(lockImage(workshop, inRegistry(':one', { key }), 'x86-64')).rejects.toMatchObject(refused);
  }, 600_000);

  async function cosign(words: readonly string[], workingFolder: string): Promise<void> {
    const tools = await real.openTools('cosign');
    await tools.run({
      file: '/usr/bin/cosign',
      arguments: words,
      environment: { COSIGN_PASSWORD: '', HOME: folder, SSL_CERT_FILE: registry.authority },
      writable: [folder],
      workingFolder,
      hasNetwork: true,
    });
  }
});

describe('an image in files', () => {
  test.each([
    ['a folder', 'oci:layout:one'],
    ['an archive', 'oci-archive:image.tar'],
  ])(
    'is taken from %s',
    async (_what, reference) => {
      if (reference.includes('archive')) await archive('one');
      const { locked, opened } = await lockAndOpen(await freshWorkshop(), request(reference));
      expect(locked.digest).toBe(digests.one);
      expect(opened.tree.get('/srv/page')).toMatchObject({ uid: 101, mode: 0o640 });
      expect((await stat(join(folder, 'layout/index.json'))).size).toBeGreaterThan(0);
    },
    120_000,
  );

  test('must be named when there are several', async () => {
    await expect(lockImage(await freshWorkshop(), request('oci:layout'), 'x86-64')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: 'Cannot use the image oci:layout: its index has more than one image',
      hint: 'Name one of its tags: arm, many, one, plain, sharing, two.',
    });
  });

  test('that has changed after it was locked is told', async () => {
    const copy = join(folder, 'changing');
    await makeOciLayout(copy, { one: hello('one\n') });
    const wish = request('oci:changing');
    const locked = await lockImage(await freshWorkshop(), wish, 'x86-64');
    await rm(copy, { recursive: true });
    await makeOciLayout(copy, { one: hello('another\n') });
    await expect(openImage(await freshWorkshop(), wish, locked)).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
  });

  test('is unpacked as umoci unpacks it', async () => {
    const strange: TestImage = {
      layers: [
        [
          { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
          { name: 'usr/lib/', type: 'directory' },
          { name: 'usr/lib/a', content: 'a' },
          { name: 'data/', type: 'directory', mode: 0o1777 },
          { name: 'data/one', content: '1' },
          { name: 'data/sub/two', content: '2' },
          { name: 'gone/deep/file', content: 'x' },
          { name: 'becomes-file/inside', content: 'x' },
          { name: 'becomes-folder', content: 'x' },
        ],
        [
          { name: 'data/.wh..wh..opq' },
          { name: 'data/three', content: '3' },
          { name: '.wh.gone' },
          { name: 'becomes-file', content: 'now' },
          { name: 'becomes-folder/', type: 'directory' },
          { name: 'becomes-folder/x', content: 'y' },
          { name: 'lib/b', content: 'b' },
          { name: 'twin', type: 'link', linkname: 'usr/lib/a' },
        ],
      ],
    };
    await makeOciLayout(join(folder, 'strange'), { one: strange });
    const { opened } = await lockAndOpen(await freshWorkshop(), request('oci:strange'));
    const tools = await real.openTools('oci-serve');
    const root = join(folder, 'unpacked');
    await tools.run({
      file: '/usr/bin/umoci',
      arguments: ['raw', 'unpack', '--rootless', '--image', `${join(folder, 'strange')}:one`, root],
      writable: [folder],
    });
    const unpacked = await readdir(root, { recursive: true });
    const expected: Record<string, string> = {};
    // It also walks through the link.
    for (const path of unpacked.filter((each) => !each.startsWith('lib/')).sort())
      expected[`/${path}`] = await describeFile(join(root, path));
    const found: Record<string, string> = {};
    for (const [path, node] of [...opened.tree].sort()) {
      if (path === '/') continue;
      found[path] = node.type === 'file' ? `file ${await node.content.read()}` : node.type;
    }
    expect(found).toEqual(expected);
  }, 120_000);

  async function describeFile(path: string): Promise<string> {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return 'link';
    return stats.isDirectory() ? 'folder' : `file ${await readFile(path, 'utf8')}`;
  }

  async function archive(tag: string): Promise<void> {
    const tools = await real.openTools('oci');
    await tools.run({
      file: '/usr/bin/skopeo',
      arguments: [
        '--insecure-policy',
        'copy',
        `oci:${join(folder, 'layout')}:${tag}`,
        `oci-archive:${join(folder, 'image.tar')}`,
      ],
      writable: [folder],
    });
  }
});

/** Every file below a folder, as text. */
async function readAll(root: string): Promise<string[]> {
  const paths = await readdir(root, { recursive: true, withFileTypes: true });
  const files = paths.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map((file) => readFile(file, 'latin1')));
}
