import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Lockfile, lockfileFormat } from '../lock/lockfile.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { fileNeedsOf, readFileNeeds } from '../rootfs/file-needs.ts';
import { fakeElf } from '../rootfs/testing/fake-elf.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import { openStore, removeTree } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { makeDeb, sha256Of } from '../testing/make-deb.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { Entry } from './deb-fixtures.ts';
import { openLockedPackages, openPackage } from './open-packages.ts';
import type { LockedPackage } from './package.ts';

const control = {
  Package: 'frob',
  Version: '1:2.0-1',
  Architecture: 'all',
  Description: 'a made-up package',
};
const date = '2026-09-12T00:00:00.000Z';
const options = { date, stage: 'packages' };
const folder = (name: string): Entry => ({ name, type: 'directory', mode: 0o755 });

let root: string;
let workshop: Workshop;
let store: Store;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-open-'));
  const host = {
    now: () => 0,
    elapsedMs: () => 0,
    signal: new AbortController().signal,
    environmentVariable: () => undefined,
    isRoot: false,
    cpuCount: 2,
    run: () => Promise.reject(new Error('no process')),
    download: () => Promise.reject(new Error('no network')),
    wait: () => Promise.resolve(),
  };
  store = await openStore({ root: join(root, 'store'), host });
  workshop = { host, store, emit: () => undefined, openTools: () => Promise.reject(new Error('no tools')) };
});

afterEach(async () => {
  await removeTree(join(root, 'store'));
  await rm(root, { recursive: true });
});

async function stored(members: readonly Entry[]): Promise<LockedPackage> {
  const deb = await makeDeb(control, members);
  const sha256 = sha256Of(deb);
  await mkdir(dirname(store.blobPath(sha256)), { recursive: true });
  await writeFile(store.blobPath(sha256), deb);
  return {
    name: 'frob',
    version: '1:2.0-1',
    architecture: 'all',
    archive: 'debian',
    suite: 'trixie',
    path: 'pool/main/f/frob/frob_2.0-1_all.deb',
    sizeBytes: deb.length,
    sha256,
  };
}

/** The entries as text, contents read from the store. */
async function printed(entries: ReadonlyMap<string, TreeNode>): Promise<string[]> {
  return Promise.all(
    [...entries].map(async ([path, node]) => {
      const head = `${node.type} ${path} ${node.mode.toString(8)} ${node.uid}:${node.gid}`;
      if (node.type === 'file') return `${head} "${await node.content.read()}"`;
      return node.type === 'link' ? `${head} → ${node.target}` : head;
    }),
  );
}

describe('openPackage', () => {
  test('gives entries with merged-/usr paths, hard links as files, contents read lazily', async () => {
    const opened = await openPackage(
      workshop,
      await stored([
        folder('./'),
        folder('./usr/'),
        folder('./usr/lib/'),
        folder('./lib/'),
        { name: './lib/frob.so.1', mode: 0o644, text: 'library' },
        { name: './usr/lib/frob.so', type: 'symlink', linkname: 'frob.so.1' },
        { name: './bin', type: 'symlink', linkname: 'usr/bin' },
        { name: './usr/bin/frob', mode: 0o4755, uid: 1, gid: 2, text: 'program' },
        { name: './usr/bin/frobnicate', type: 'link', linkname: './usr/bin/frob' },
        { name: './usr/share/empty', mode: 0o600, text: '' },
      ]),
      options,
    );
    expect(opened.control.Description).toBe('a made-up package');
    expect(await printed(opened.entries)).toEqual([
      'folder /usr 755 0:0',
      'file /usr/bin/frob 4755 1:2 "program"',
      'file /usr/bin/frobnicate 4755 1:2 "program"',
      'folder /usr/lib 755 0:0',
      'link /usr/lib/frob.so 777 0:0 → frob.so.1',
      'file /usr/lib/frob.so.1 644 0:0 "library"',
      'file /usr/share/empty 600 0:0 ""',
    ]);
    const program = opened.entries.get('/usr/bin/frob');
    expect(program).toMatchObject({
      origin: 'package frob',
      content: { sizeBytes: 7, sha256: sha256Of('program') },
    });
  });

  test('what programs and scripts need is known, and no file is read for it', async () => {
    const elf = fakeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'] });
    // Longer than what tells a script, so that its end must have been read too.
    const program = Buffer.concat([elf, Buffer.alloc(100_000)]);
    const opened = await openPackage(
      workshop,
      await stored([
        { name: './usr/bin/program', mode: 0o755, text: program },
        { name: './usr/bin/name', type: 'link', linkname: './usr/bin/program' },
        { name: './usr/bin/script', mode: 0o755, text: `#!/usr/bin/env -S python3 -u\n${'x'.repeat(9999)}` },
        { name: './usr/bin/broken', mode: 0o755, text: elf.subarray(0, 100) },
        { name: './usr/share/page', text: 'a page' },
      ]),
      options,
    );
    await removeTree(join(root, 'store/steps'));
    const needs = new Map(
      await Promise.all(
        [...opened.entries].map(async ([path, node]): Promise<[string, unknown]> => {
          if (node.type !== 'file') throw new Error(`${path} is no file`);
          return [path, await readFileNeeds(node.content)];
        }),
      ),
    );
    const wanted = fileNeedsOf(program);
    expect(wanted).toMatchObject({ kind: 'elf', elf: { needed: ['libc.so.6'] } });
    expect([...needs]).toEqual([
      ['/usr/bin/broken', { kind: 'broken', reason: 'program headers beyond the end of the file' }],
      ['/usr/bin/name', wanted],
      ['/usr/bin/program', wanted],
      ['/usr/bin/script', { kind: 'script', interpreter: '/usr/bin/env', program: 'python3' }],
      ['/usr/share/page', { kind: 'nothing' }],
    ]);
  });

  test.each<[string, Entry[], string]>([
    [
      'a device',
      [{ name: './dev/sda', type: 'block-device', devmajor: 8, devminor: 0 }],
      'Cannot open the package: "/dev/sda" is refused, it is a block-device',
    ],
    [
      'a pipe',
      [{ name: './run/pipe', type: 'fifo' }],
      'Cannot open the package: "/run/pipe" is refused, it is a fifo',
    ],
    [
      'two files that merged /usr makes one',
      [
        { name: './bin/frob', text: 'one' },
        { name: './usr/bin/frob', text: 'other' },
      ],
      'Cannot open the package: "/usr/bin/frob" is refused, the package has it twice',
    ],
    [
      'a hard link to what is not there',
      [{ name: './x', type: 'link', linkname: '/etc/shadow' }],
      'Cannot open the package: "/x" is refused, it is a hard link to a file that did not come before it',
    ],
    [
      'a line feed in a name',
      [{ name: './a\nb', text: '' }],
      'Cannot open the package: "/a\\nb" is refused, it has control characters',
    ],
  ])('refuses %s', async (_, members, message) => {
    await expect(openPackage(workshop, await stored(members), options)).rejects.toMatchObject({
      code: 'PACKAGE_UNSAFE',
      message,
      hint: 'Do not use this package; if it comes from Debian itself, report it with this message.',
    });
  });

  test('refuses a path that climbs', async () => {
    const locked = await stored([{ name: '../../etc/passwd', text: 'x' }]);
    await expect(openPackage(workshop, locked, options)).rejects.toMatchObject({ code: 'DEB_INVALID' });
  });

  test('refuses a lockfile that calls a package by another name', async () => {
    const locked = { ...(await stored([])), name: 'other' };
    await expect(openPackage(workshop, locked, options)).rejects.toMatchObject({
      code: 'PACKAGE_MISMATCH',
      message: 'Cannot use package other 1:2.0-1 all: its file is frob 1:2.0-1 all',
      hint: 'Lock the recipe again.',
    });
  });
});

describe('openLockedPackages', () => {
  const recipe = { name: 'demo', folder: '/r/demo' } as Recipe;

  async function lockfile(): Promise<Lockfile> {
    return {
      format: lockfileFormat,
      recipe: 'demo',
      requestDigest: '0'.repeat(64),
      archives: { trixie: date, 'trixie-security': '2026-11-18T22:17:43.000Z' },
      groups: { base: { requested: ['frob'], packages: ['frob_1:2.0-1_all'] } },
      packages: { 'frob_1:2.0-1_all': await stored([{ name: './f', text: 'f' }]) },
    };
  }

  test('gives each group its packages, and the newest date', async () => {
    const packages = await openLockedPackages(workshop, recipe, await lockfile());
    expect(packages.group('base').map(({ locked }) => locked.name)).toEqual(['frob']);
    expect(packages.archiveDate).toBe('2026-11-18T22:17:43.000Z');
  });

  test('says that a group is missing', async () => {
    const packages = await openLockedPackages(workshop, recipe, await lockfile());
    expect(() => packages.group('service/x')).toThrow(
      'Cannot build demo: its lockfile has no packages for service/x',
    );
  });
});
