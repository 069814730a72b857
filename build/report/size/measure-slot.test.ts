import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeCpio } from '../../boot/cpio-archive.ts';
import { encodeSlotTrailer, planSlot } from '../../contract/slot-layout.ts';
import { digestFile } from '../../disk/sparse-file.ts';
import { bytesOf } from '../../rootfs/byte-source.ts';
import type { Tree, TreeNode } from '../../rootfs/tree.ts';
import { sealRootfs } from '../../seal/seal-rootfs.ts';
import type { SealedRootfs } from '../../seal/sealed-rootfs.ts';
import { openStore, removeTree } from '../../store/open-store.ts';
import { demoRecipe } from '../../testing/demo-recipe.ts';
import { openRealWorkshop } from '../../testing/real-workshop.ts';
import type { Workshop } from '../../tools/workshop.ts';
import { measureSlot } from './measure-slot.ts';
import { measureSlotFile } from './measure-slot-file.ts';
import { readVolume, withFile } from './read-volume.ts';
import type { SizePart } from './size-part.ts';

const node = (origin: string) => ({ mode: 0o755, uid: 0, gid: 0, origin });
const file = (origin: string, content: string): TreeNode => ({
  ...node(origin),
  type: 'file',
  content: bytesOf(content),
});
const text = (word: string) =>
  Array.from({ length: 3000 }, (_, index) => `${word} ${index * 7919}\n`).join('');
const services = '/usr/lib/keelson/services';
const modules = '/usr/lib/modules/6.12/kernel';

const files: Readonly<Record<string, TreeNode>> = {
  '/etc/motd': file('layer base', 'welcome'),
  '/usr/bin/tool': file('package tool', text('tool')),
  [`${modules}/drivers/net/deep/e1000.ko`]: file('package linux', text('e1000')),
  '/usr/lib/modules/6.12/modules.dep': file('package linux', 'e1000:'),
  [`${services}/one/config.json`]: file('service one', '{}'),
  [`${services}/one/rootfs/usr/lib/libboth.so`]: file('package both', text('both')),
  [`${services}/one/rootfs/usr/share/doc/one/copyright`]: file('package one', text('one')),
  [`${services}/two/rootfs/usr/lib/libboth.so`]: file('package both', text('both')),
};
const tree: Tree = new Map<string, TreeNode>([
  ...Object.keys(files).flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, depth, names): [string, TreeNode] => [
        names.slice(0, depth + 1).join('/') || '/',
        { ...node('builder'), type: 'folder' },
      ]),
  ),
  ...Object.entries(files),
]);

let folder: string;
let workshop: Workshop;
let sealed: SealedRootfs;
let uki: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measure-'));
  const real = await openRealWorkshop();
  workshop = { ...real, store: await openStore({ root: join(folder, 'store'), host: real.host }) };
  sealed = await sealRootfs(workshop, demoRecipe(folder), { tree, bundles: [], packages: [], sizes: [] });
  uki = await makeUki();
}, 180_000);
afterAll(() => removeTree(folder));

/** Of a kernel that is none, an initramfs with a file of the root, and the real stub. */
async function makeUki(): Promise<Buffer> {
  const place = join(folder, 'uki');
  await mkdir(place);
  const inInitramfs = new Map([
    ['/modules/e1000.ko', files[`${modules}/drivers/net/deep/e1000.ko`] as TreeNode],
  ]);
  const initramfs = zstdCompressSync(await writeCpio(inInitramfs));
  const parameters = await writeCpio(
    new Map([['/root.env', file('test', `ROOT_HASH=${sealed.rootHash}\n`)]]),
  );
  await writeFile(join(place, 'linux'), text('kernel'));
  await writeFile(join(place, 'initramfs'), initramfs);
  await writeFile(join(place, 'parameters'), parameters);
  const tools = await workshop.openTools('image');
  const suffix = process.arch === 'arm64' ? 'aa64' : 'x64';
  await tools.run({
    file: '/usr/bin/ukify',
    arguments: [
      'build',
      `--linux=${place}/linux`,
      `--initrd=${place}/initramfs`,
      `--initrd=${place}/parameters`,
      `--stub=/usr/lib/systemd/boot/efi/linux${suffix}.efi.stub`,
      `--efi-arch=${suffix}`,
      '--uname=6.12',
      '--cmdline=quiet',
      '--os-release=ID=demo',
      `--output=${place}/uki.efi`,
    ],
    writable: [place],
  });
  return readFile(join(place, 'uki.efi'));
}

/** `root/service one/package one: 1` with how many files, for all that have files. */
function listFiles(part: SizePart, above = ''): readonly string[] {
  const own = `${above}${part.name}`;
  const sharers = part.sharedBy === undefined ? '' : ` (${part.sharedBy.join(', ')})`;
  if (part.parts.length === 0) return part.fileCount === 0 ? [] : [`${own}${sharers}`];
  return part.parts.flatMap((each) => listFiles(each, `${own}: `));
}

function everyPart(part: SizePart): readonly SizePart[] {
  return [part, ...part.parts.flatMap(everyPart)];
}

const measureBuilt = () =>
  measureSlot({
    name: 'demo',
    version: '2026.11.0',
    tree,
    volume: withFile(sealed.path, (read) => readVolume(sealed.path, read)),
    sizeBytes: sealed.sizeBytes,
    hashOffsetBytes: sealed.hashOffsetBytes,
    uki,
  });

describe('where each byte of a slot is', () => {
  test('parts add up to kernel image and root, to the byte, at every level', async () => {
    const { whole } = await measureBuilt();
    expect(whole.storedBytes).toBe(uki.length + sealed.sizeBytes);
    for (const part of everyPart(whole).filter(({ parts }) => parts.length > 0)) {
      expect([part.name, part.parts.reduce((sum, { storedBytes }) => sum + storedBytes, 0)]).toEqual([
        part.name,
        part.storedBytes,
      ]);
    }
    const root = whole.parts.find(({ name }) => name === 'root');
    expect(root?.parts.find(({ name }) => name === 'hash tree')?.storedBytes).toBe(
      sealed.sizeBytes - sealed.hashOffsetBytes,
    );
  });

  test('by owner and package; what several have counts once, for all of them', async () => {
    const { whole, packages } = await measureBuilt();
    expect([...listFiles(whole)].sort()).toEqual([
      'demo 2026.11.0: root: base: layer base: /etc/motd',
      'demo 2026.11.0: root: base: package tool: /usr/bin/tool',
      'demo 2026.11.0: root: kernel modules: drivers/net: /usr/lib/modules/6.12/kernel/drivers/net/deep/e1000.ko',
      'demo 2026.11.0: root: kernel modules: index: /usr/lib/modules/6.12/modules.dep',
      'demo 2026.11.0: root: service one: package one: /usr/share/doc/one/copyright',
      'demo 2026.11.0: root: service one: service one: /usr/lib/keelson/services/one/config.json',
      'demo 2026.11.0: root: shared: package both: /usr/lib/libboth.so (service one, service two)',
      'demo 2026.11.0: unified kernel image: initramfs: modules: /modules/e1000.ko',
      'demo 2026.11.0: unified kernel image: initramfs: scripts and parameters: /root.env',
    ]);
    expect(packages.map(({ name, fileCount }) => [name, fileCount]).sort()).toEqual([
      ['both', 1],
      ['linux', 2],
      ['one', 1],
      ['tool', 1],
    ]);
    const [kernel] = everyPart(whole).filter(({ name }) => name === 'kernel');
    expect(kernel).toMatchObject({ storedBytes: text('kernel').length, fileCount: 0 });
  });

  test('what might go', async () => {
    const { duplicates, documentation, largestFiles } = await measureBuilt();
    expect(duplicates.map(({ paths }) => paths)).toEqual([
      [`${modules}/drivers/net/deep/e1000.ko`, 'initramfs:/modules/e1000.ko'],
    ]);
    expect(documentation).toMatchObject([
      { kind: 'documentation', paths: [`${services}/one/rootfs/usr/share/doc/one/copyright`] },
    ]);
    expect(largestFiles).toHaveLength(7);
  });

  test('a slot image tells the same of itself, with folders instead of packages', async () => {
    const path = join(folder, 'disk');
    const plan = planSlot(sealed.sizeBytes, uki.length);
    const offsetBytes = 8192;
    await writeFile(join(folder, 'uki.efi'), uki);
    const slot = Buffer.alloc(offsetBytes + plan.sizeBytes);
    (await readFile(sealed.path)).copy(slot, offsetBytes);
    uki.copy(slot, offsetBytes + plan.uki.offsetBytes);
    const trailer = encodeSlotTrailer({
      format: 1,
      recipe: 'demo',
      version: '2026.11.0',
      architecture: 'x86-64',
      rootHash: sealed.rootHash,
      root: plan.root,
      hashOffsetBytes: sealed.hashOffsetBytes,
      uki: { ...plan.uki, sha256: await digestFile(join(folder, 'uki.efi')) },
    });
    slot.set(trailer, offsetBytes + plan.trailerOffsetBytes);
    await writeFile(path, slot);

    const [built, found] = [await measureBuilt(), await measureSlotFile(workshop, path, offsetBytes)];
    expect(found.packages).toEqual([]);
    expect(found.duplicates).toEqual(built.duplicates);
    const byOwner = ({ whole }: typeof found) =>
      whole.parts.flatMap(({ parts }) =>
        parts.map(({ name, storedBytes, unpackedBytes }) => [name, storedBytes, unpackedBytes]),
      );
    expect(byOwner(found)).toEqual(byOwner(built));
    expect(listFiles(found.whole)).toContain(
      'demo 2026.11.0: root: service one: folder /usr/share/doc: /usr/share/doc/one/copyright',
    );
  });

  test('a root that has other files than its tree is a fault', async () => {
    const volume = withFile(sealed.path, (read) => readVolume(sealed.path, read));
    const slot = { name: 'demo', version: '1', volume, sizeBytes: 1, hashOffsetBytes: 1, uki };
    const less = new Map([...tree].filter(([path]) => path !== '/etc/motd'));
    await expect(measureSlot({ ...slot, tree: less })).rejects.toThrow(
      'the root has 8 files, and its tree 7',
    );
  });

  test('a root that is none is told with its file', () => {
    expect(() => readVolume('/disk', () => Buffer.alloc(128))).toThrow(
      expect.objectContaining({
        code: 'ROOT_UNREADABLE',
        message: 'Cannot read the root file system in /disk: it is no erofs file system',
      }),
    );
  });
});
