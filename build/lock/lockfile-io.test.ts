import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Recipe } from '../recipe/recipe.ts';
import { demoLockfile, demoRecipe } from '../testing/demo-recipe.ts';
import { requestDigest } from './lock-groups.ts';
import type { Lockfile } from './lockfile.ts';
import { lockfilePath, readLockfile, readLockfileIfPresent, writeLockfile } from './lockfile-io.ts';

let folder: string;
let recipe: Recipe;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-lock-'));
  recipe = demoRecipe(folder);
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const golden = (digest: string) => `{
  "format": 1,
  "recipe": "demo",
  "requestDigest": "${digest}",
  "archives": {
    "trixie": "2026-09-12T07:55:41.000Z"
  },
  "groups": {
    "base": {
      "requested": [
        "crun"
      ],
      "packages": [
        "crun_1.21-1_amd64"
      ]
    },
    "initramfs": {
      "requested": [],
      "packages": []
    }
  },
  "packages": {
    "crun_1.21-1_amd64": {
      "name": "crun", "version": "1.21-1", "architecture": "amd64",
      "archive": "debian", "suite": "trixie", "path": "pool/main/c/crun/crun_1.21-1_amd64.deb",
      "sizeBytes": 368640, "sha256": "${'a'.repeat(64)}"
    }
  }
}
`;

describe('writeLockfile', () => {
  test('writes one line per choice, which reads back as it was', async () => {
    const lockfile = demoLockfile(recipe);
    expect(await writeLockfile(recipe, lockfile)).toBe(true);
    expect(await readFile(lockfilePath(recipe), 'utf8')).toBe(golden(requestDigest(recipe)));
    expect(await readLockfile(recipe)).toEqual(lockfile);
  });

  test('writes images that services are made of, which read back as they were', async () => {
    const image = {
      image: 'quay.io/org/web:1',
      digest: `sha256:${'b'.repeat(64)}`,
      manifestSha256: 'c'.repeat(64),
      manifestBytes: 1234,
    };
    const lockfile = { ...demoLockfile(recipe), images: { web: image } };
    await writeLockfile(recipe, lockfile);
    expect(await readFile(lockfilePath(recipe), 'utf8')).toContain(`  "images": {
    "web": {
      "image": "quay.io/org/web:1",
      "digest": "sha256:${'b'.repeat(64)}",
      "manifestSha256": "${'c'.repeat(64)}", "manifestBytes": 1234
    }
  },
`);
    expect(await readLockfile(recipe)).toEqual(lockfile);
  });

  test('leaves an unchanged file alone, and no other files', async () => {
    await writeLockfile(recipe, demoLockfile(recipe));
    const before = await stat(lockfilePath(recipe));
    expect(await writeLockfile(recipe, demoLockfile(recipe))).toBe(false);
    expect((await stat(lockfilePath(recipe))).ino).toBe(before.ino);
    expect(await readdir(folder)).toEqual(['recipe.lock.json']);
  });

  test('says that it cannot write', async () => {
    const nowhere = demoRecipe(join(folder, 'missing'));
    await expect(writeLockfile(nowhere, demoLockfile(recipe))).rejects.toMatchObject({
      code: 'LOCKFILE_UNWRITABLE',
      message: 'Cannot write the lockfile',
      hint: 'Make its folder writable, and free space if the disk is full.',
    });
  });
});

describe('readLockfile', () => {
  const place = (line: number, column: number) => ({ file: join(folder, 'recipe.lock.json'), line, column });

  test('says that there is none', async () => {
    await expect(readLockfile(recipe)).rejects.toMatchObject({
      code: 'LOCKFILE_MISSING',
      message: 'Cannot build demo: it has no lockfile',
      hint: 'Run `keelson lock ./demo`.',
    });
    expect(await readLockfileIfPresent(recipe)).toBeUndefined();
  });

  test('says that the recipe changed after it was locked', async () => {
    await writeLockfile(recipe, demoLockfile(recipe));
    const changed = demoRecipe(folder, { suites: ['trixie', 'trixie-security'] });
    await expect(readLockfile(changed)).rejects.toMatchObject({
      code: 'LOCKFILE_OUTDATED',
      message:
        'Cannot build demo: its packages, the files taken from them, or its images changed after it was locked',
      hint: 'Run `keelson lock ./demo`.',
    });
  });

  test('says where it stops being JSON', async () => {
    const lines = golden('0').split('\n');
    await writeFile(lockfilePath(recipe), lines.with(2, '  "recipe": demo,').join('\n'));
    await expect(readLockfile(recipe)).rejects.toMatchObject({
      code: 'LOCKFILE_UNREADABLE',
      message: 'Cannot read the lockfile of demo: it is not JSON from here on',
      place: { ...place(3, 13), sourceLine: '  "recipe": demo,' },
      hint: 'Restore the file, or run `keelson lock ./demo` to write it anew.',
    });
    expect(await readLockfileIfPresent(recipe)).toBeUndefined();
  });

  test('says that the file cannot be read', async () => {
    const broken = demoRecipe(lockfilePath(recipe));
    await writeFile(lockfilePath(recipe), '');
    await expect(readLockfile(broken)).rejects.toMatchObject({
      code: 'LOCKFILE_UNREADABLE',
      message: expect.stringContaining('Cannot read the lockfile of demo: ENOTDIR'),
      hint: 'Make it a file that you may read.',
    });
  });

  test('refuses a format from the future', async () => {
    await writeFile(lockfilePath(recipe), golden('0').replace('"format": 1', '"format": 2'));
    await expect(readLockfile(recipe)).rejects.toMatchObject({
      code: 'LOCKFILE_FORMAT_UNSUPPORTED',
      message: 'Cannot read the lockfile of demo: its format is 2, this Keelson reads format 1',
      place: place(2, 13),
      hint: 'Run `keelson lock ./demo`, or use the Keelson that wrote it.',
    });
  });

  type Change = (text: string) => string;
  test.each<[string, Change, string, number]>([
    [
      'a path that climbs',
      (text) => text.replace('pool/main/c/crun/', 'pool/main/../../../'),
      'packages.crun_1.21-1_amd64.path: must be a path below pool/ that ends in .deb',
      25,
    ],
    [
      'a path to another server',
      (text) => text.replace('pool/main/c/crun/', '//evil.example/'),
      'packages.crun_1.21-1_amd64.path: must be a path below pool/ that ends in .deb',
      25,
    ],
    [
      'a suite that is a path',
      (text) => text.replace('"suite": "trixie"', '"suite": "../x"'),
      'packages.crun_1.21-1_amd64.suite: must be the name of a Debian suite',
      25,
    ],
    [
      'a short digest',
      (text) => text.replace(/a{64}/, 'aa'),
      'packages.crun_1.21-1_amd64.sha256: must be a SHA-256 digest in lower-case hexadecimal',
      26,
    ],
    [
      'a package under another name',
      (text) => text.replace('"version": "1.21-1"', '"version": "1.22-1"'),
      'crun_1.21-1_amd64 is the name of another package',
      23,
    ],
    [
      'a group with a package that is not there',
      (text) => text.replace('"crun_1.21-1_amd64"\n', '"frob_1_amd64"\n'),
      'frob_1_amd64 is not among its packages',
      14,
    ],
    ['no object', () => '[]', 'the whole: Invalid input: expected object, received array', 1],
  ])('refuses %s', async (_, change, reason, line) => {
    await writeFile(lockfilePath(recipe), change(golden(requestDigest(recipe))));
    await expect(readLockfile(recipe)).rejects.toMatchObject({
      code: 'LOCKFILE_UNREADABLE',
      message: `Cannot read the lockfile of demo: ${reason}`,
      place: { line },
    });
  });
});

describe('requestDigest', () => {
  const same = requestDigest(demoRecipe('/a'));
  const request = (text: string): Lockfile['requestDigest'] => text;

  test('does not depend on folders, on values or on files that are not from packages', () => {
    const own = {
      kind: 'content',
      path: '/x',
      content: 'x',
      mode: 0,
      uid: 0,
      gid: 0,
      place: { file: 'y' },
    } as const;
    expect(requestDigest(demoRecipe('/b', { hostname: 'other', files: [own] }))).toBe(request(same));
  });

  test.each<[string, Partial<Recipe>]>([
    ['the architecture', { architecture: 'arm64' }],
    ['the suites', { suites: ['sid'] }],
    ['the kernel', { kernel: { kind: 'debian', package: { name: 'linux-image-amd64' } } }],
    ['files from packages', { files: [{ kind: 'package', path: '/usr/bin/crun', place: { file: 'x' } }] }],
  ])('depends on %s', (_, change) => {
    expect(requestDigest(demoRecipe('/a', change))).not.toBe(same);
  });
});
