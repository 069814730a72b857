// Over 300 lines: one bundle and one set of keys, dear to make, serve all of these situations.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SlotImage } from '../disk/disk-image.ts';
import type { KeelsonError } from '../errors/keelson-error.ts';
import { renderShow } from '../report/render-show.ts';
import { showBundle } from '../report/show-bundle.ts';
import { openStore, removeTree } from '../store/open-store.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import { type SlotFixtureOptions, writeSlotFixture } from '../testing/slot-fixture.ts';
import { makeThrowAwayKeys, type ThrowAwayKeys } from '../testing/throw-away-keys.ts';
import type { Workshop } from '../tools/workshop.ts';
import { encodeSignatureSize, isBundleFile, readBundleParts } from './bundle-file.ts';
import { makeBlockHashIndex } from './hash-tree.ts';
import { makePayload } from './make-payload.ts';
import { makeUpdateBundle } from './make-update-bundle.ts';
import type { BundleSigner, UpdateBundle } from './update-bundle.ts';
import { type VerifyOptions, verifyBundle } from './verify-bundle.ts';

let folder: string;
let workshop: Workshop;
let keys: ThrowAwayKeys;
let slot: SlotImage;
let bundle: UpdateBundle;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'update-bundle-'));
  workshop = await openRealWorkshop();
  keys = await makeThrowAwayKeys(workshop, folder);
  slot = await writeSlotFixture(file('slot.img'));
  bundle = await make('good', slot);
}, 120_000);

// Outputs in a store are read-only folders.
afterAll(() => removeTree(folder));

describe('an update bundle', () => {
  test('is what a machine would take', async () => {
    const { manifest, trailer, chain } = await verify(bundle.path);
    expect(manifest).toMatchObject({
      compatible: 'demo-x86-64',
      version: '2026.11.1',
      sequence: 202611000001,
      channel: 'stable',
      image: { sha256: slot.sha256, sizeBytes: slot.sizeBytes },
    });
    expect(trailer.recipe).toBe('demo');
    expect(chain.map(({ subject }) => subject)).toEqual(['CN=leaf']);
    expect(bundle.sequence).toBe(202611000001);
    expect(await isBundleFile(bundle.path)).toBe(true);
    expect(await isBundleFile(slot.path)).toBe(false);
  });

  test('is one for RAUC too: it is read, and taken apart', async () => {
    const tools = await workshop.openTools('update');
    await writeFile(
      file('system.conf'),
      '[system]\ncompatible=demo-x86-64\nbootloader=noop\n[keyring]\ncheck-purpose=codesign\n',
    );
    const { stdout } = await tools.run({
      file: '/usr/bin/rauc',
      arguments: [
        '-c',
        file('system.conf'),
        '--keyring',
        file('root.pem'),
        'info',
        '--output-format=json-2',
        bundle.path,
      ],
      readOnly: [folder],
    });
    const facts = JSON.parse(stdout);
    expect(facts.bundle.format).toBe('verity');
    expect(facts['manifest-hash']).toBe(bundle.manifestSha256);
    expect(facts.meta).toEqual({
      update: { version: '2026.11.1', sequence: '202611000001', channel: 'stable' },
    });
    expect(facts.images).toEqual([
      expect.objectContaining({ 'slot-class': 'os', checksum: slot.sha256, adaptive: ['block-hash-index'] }),
    ]);
    // RAUC takes a bundle apart only where nobody else could change the disk below it, so only as root.
    const rauc = ['-c', file('system.conf'), '--keyring', file('root.pem'), 'extract'];
    await tools.run({
      ...(workshop.host.isRoot
        ? { file: '/usr/bin/rauc', arguments: [...rauc, bundle.path, file('apart')] }
        : { file: '/usr/bin/unsquashfs', arguments: ['-no-progress', '-d', file('apart'), bundle.path] }),
      writable: [folder],
    });
    expect((await readFile(file('apart/os.img'))).equals(await readFile(slot.path))).toBe(true);
    const index = await readFile(file('apart/os.img.block-hash-index'));
    expect(index.equals(await makeBlockHashIndex(slot.path, slot.sizeBytes))).toBe(true);
    expect(index.length).toBe((slot.sizeBytes / 4096) * 32);
  });

  test('differs from another build in nothing but its signature', async () => {
    const elsewhere = {
      ...workshop,
      store: await openStore({ root: file('other-store'), host: workshop.host }),
    };
    const facts = {
      compatible: 'demo-x86-64',
      version: '2026.11.1',
      sequence: 202611000001,
      channel: 'stable',
    };
    const payload = await makePayload(elsewhere, slot, facts);
    const first = await readFile(bundle.path);
    expect((await readFile(payload.path)).equals(first.subarray(0, payload.sizeBytes))).toBe(true);
    const again = await make('again', slot);
    expect(again.manifestSha256).toBe(bundle.manifestSha256);
    const { payloadSizeBytes } = await readBundleParts(again.path);
    expect(
      (await readFile(again.path)).subarray(0, payloadSizeBytes).equals(first.subarray(0, payloadSizeBytes)),
    ).toBe(true);
  });

  test('shown to a person', async () => {
    const text = renderShow(await showBundle(workshop, bundle.path));
    expect(text).toContain('update bundle for demo-x86-64');
    expect(text).toMatch(/sequence {3}202611000001/);
    expect(text).toContain('  CN=leaf\n      issued by CN=root\n      valid from ');
    expect(text).not.toContain('NOT VALID NOW');
    const later = { ...workshop, host: { ...workshop.host, now: () => Date.parse('2100-01-01') } };
    expect(renderShow(await showBundle(later, bundle.path))).toContain('NOT VALID NOW');
  });
});

describe('refused', () => {
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  };
  test.each<[string, string, string, (bytes: Buffer, payloadBytes: number) => Buffer]>([
    ['a disk', 'BUNDLE_INVALID', 'it does not begin as one', (bytes) => bytes.fill(0, 0, 4)],
    ['a stub', 'BUNDLE_INVALID', 'it does not begin as one', (bytes) => bytes.subarray(0, 50)],
    [
      'half of it',
      'BUNDLE_TRUNCATED',
      'it should have more than',
      (bytes) => bytes.subarray(0, bytes.length / 2),
    ],
    [
      'no signature',
      'BUNDLE_TRUNCATED',
      'there is no signature at its end',
      (bytes, size) => bytes.subarray(0, size),
    ],
    ['a byte less', 'BUNDLE_TRUNCATED', 'there is no signature at its end', (bytes) => bytes.subarray(0, -1)],
    [
      'a huge signature',
      'BUNDLE_TRUNCATED',
      'there is no signature at its end',
      (bytes) => Buffer.concat([bytes.subarray(0, -8), encodeSignatureSize(70_000)]),
    ],
    ['a changed block', 'BUNDLE_PAYLOAD_INVALID', 'does not have the root hash that was signed', flip(5000)],
    [
      'a changed hash tree',
      'BUNDLE_PAYLOAD_INVALID',
      'its hash tree is not that of its payload',
      (bytes, size) => flip(size - 4096)(bytes),
    ],
    [
      'a changed manifest',
      'BUNDLE_SIGNATURE_INVALID',
      'its signature does not fit what it signs',
      (bytes) => flip(bytes.lastIndexOf('version=2026.11.1') + 16)(bytes),
    ],
    [
      'a piece added',
      'BUNDLE_INVALID',
      'does not fit its payload',
      (bytes, size) =>
        Buffer.concat([bytes.subarray(0, size), Buffer.alloc(200 * 4096), bytes.subarray(size)]),
    ],
    [
      'a piece of no block',
      'BUNDLE_INVALID',
      'its payload is not in whole blocks',
      (bytes, size) => Buffer.concat([bytes.subarray(0, size), Buffer.alloc(10), bytes.subarray(size)]),
    ],
  ])('%s', async (_, code, words, change) => {
    const { payloadSizeBytes } = await readBundleParts(bundle.path);
    await writeFile(file('changed.raucb'), change(await readFile(bundle.path), payloadSizeBytes));
    await expectRefusal(verify(file('changed.raucb')), code, words);
  });

  test('no file', () =>
    expectRefusal(verify(file('none')), 'BUNDLE_UNREADABLE', 'Cannot open the update bundle'));

  test.each<[string, string, () => Partial<VerifyOptions>]>([
    ['a foreign keyring', 'unable to get local issuer certificate', () => ({ keyring: file('foreign.pem') })],
    ['a revoked leaf', 'certificate revoked', () => ({ crl: file('revoked.crl') })],
  ])('%s', async (_, words, options) => {
    await expectRefusal(verify(bundle.path, options()), 'BUNDLE_SIGNATURE_INVALID', words);
  });

  test('a list that revokes others does no harm', async () => {
    await expect(verify(bundle.path, { crl: file('nothing.crl') })).resolves.toBeDefined();
    await writeFile(
      file('both.pem'),
      `${await readFile(file('root.pem'), 'utf8')}${await readFile(file('revoked.crl'), 'utf8')}`,
    );
    await expectRefusal(
      verify(bundle.path, { keyring: file('both.pem') }),
      'BUNDLE_SIGNATURE_INVALID',
      'certificate revoked',
    );
  });

  test.each([
    ['expired', 'certificate has expired', 'Sign it again with a new leaf'],
    ['mail', 'unsuitable certificate purpose', 'Sign with a leaf for code signing'],
  ])('a leaf that is %s', async (leaf, words, hint) => {
    const { path } = await make(leaf, slot, keys.signer(leaf));
    const error = await expectRefusal(verify(path), 'BUNDLE_SIGNATURE_INVALID', words);
    expect(error.hint).toContain(hint);
  });

  test('not a keyring', async () => {
    await expectRefusal(
      verify(bundle.path, { keyring: slot.path }),
      'KEYRING_UNREADABLE',
      'it has no PEM block "CERTIFICATE"',
    );
    await expectRefusal(
      verify(bundle.path, { keyring: file('none') }),
      'KEYRING_UNREADABLE',
      'it cannot be read',
    );
    await expectRefusal(
      verify(bundle.path, { crl: file('root.pem') }),
      'KEYRING_UNREADABLE',
      'as a revocation list',
    );
  });

  test('for other machines', async () => {
    await expectRefusal(
      verify(bundle.path, { compatible: 'web-x86-64' }),
      'BUNDLE_COMPATIBLE_WRONG',
      'it is for demo-x86-64, not for web-x86-64',
    );
    const other = await makeFrom('other', { recipe: 'web' });
    await expectRefusal(
      verify(other.path),
      'BUNDLE_COMPATIBLE_WRONG',
      'it is for demo-x86-64, not for web-x86-64',
    );
  });

  test.each<[string, SlotFixtureOptions, string]>([
    [
      'another version inside',
      { version: '2026.11.2' },
      'it says version 2026.11.1, and its image is 2026.11.2',
    ],
    [
      'a kernel of another root',
      { rootHashOfKernel: 'ab'.repeat(32) },
      'would demand a root with another root hash',
    ],
    [
      'a kernel of another version',
      { versionOfKernel: '2026.10.1' },
      'the boot loader would sort it as version 2026.10.1, not as 2026.11.1',
    ],
  ])('%s', async (name, options, words) => {
    const made = await makeFrom(name.replaceAll(' ', '-'), options);
    await expectRefusal(verify(made.path), 'BUNDLE_INCONSISTENT', words);
  });

  test.each<[string, (image: Buffer, trailer: { uki: number; tree: number }) => void, string]>([
    [
      'root',
      (image) => image.fill(1, 40_000, 40_010),
      'its root does not have the root hash that its trailer names',
    ],
    [
      'hash tree',
      (image, { tree }) => image.fill(1, tree + 4096, tree + 4100),
      'its hash tree is not that of its root',
    ],
    [
      'kernel',
      (image, { uki }) => image.fill(1, uki + 600, uki + 610),
      'is not the one that its trailer names',
    ],
    ['trailer', (image) => image.fill(0, image.length - 4096), 'in its slot image, there is no trailer'],
  ])('a damaged %s, signed all the same', async (name, damage, words) => {
    const { trailer, ...image } = await writeSlotFixture(file(`damaged-${name}.img`));
    const bytes = await readFile(image.path);
    damage(bytes, { uki: trailer.uki.offsetBytes, tree: trailer.hashOffsetBytes });
    await writeFile(image.path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const made = await make(`damaged-${name.replace(' ', '-')}`, { ...image, sha256 });
    await expectRefusal(verify(made.path), 'BUNDLE_INCONSISTENT', words);
  });

  test('a signature that no machine would read', () =>
    expectRefusal(
      make('huge', slot, async () => Buffer.alloc(65_537)),
      'BUNDLE_SIGNATURE_TOO_LARGE',
      'its signature has 65537 bytes, machines read up to 65536',
    ));
});

const verify = (path: string, options: Partial<VerifyOptions> = {}) =>
  verifyBundle(workshop, path, { keyring: file('root.pem'), ...options });

const make = (name: string, image: SlotImage, sign: BundleSigner = keys.signer('leaf')) =>
  makeUpdateBundle(workshop, { name: 'demo', version: '2026.11.1', architecture: 'x86-64' }, image, {
    channel: 'stable',
    outputFolder: file(name),
    sign,
  });

async function makeFrom(name: string, options: SlotFixtureOptions): Promise<UpdateBundle> {
  return make(name, await writeSlotFixture(file(`${name}.img`), options));
}

async function expectRefusal(result: Promise<unknown>, code: string, words: string): Promise<KeelsonError> {
  const error = (await result.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )) as KeelsonError;
  expect(error.message).toContain(words);
  expect(error.code).toBe(code);
  expect(error.hint).toBeTruthy();
  return error;
}
