import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { removeTree } from '../store/open-store.ts';
import { type AptSays, inRelease, makeAptWorkshop, packagesXz } from '../testing/apt-workshop.ts';
import { sha256Of } from '../testing/make-deb.ts';
import type { DeclaredRequest } from './request-place.ts';
import { solveGroups, solvePackages } from './solve.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-solve-'));
});

afterEach(async () => {
  await removeTree(join(root, 'store'));
  await rm(root, { recursive: true });
});

async function workshopWith(indexes: Readonly<Record<string, string>>, says?: AptSays) {
  return makeAptWorkshop(join(root, 'store'), indexes, says);
}

const trixie = { architecture: 'amd64', suites: ['trixie'] } as const;
const crun = [{ name: 'crun' }];

describe('solvePackages', () => {
  test('gives what apt chose, with the digests of the verified list', async () => {
    const { workshop, asked } = await workshopWith({ trixie: inRelease() });
    expect(await solvePackages(workshop, { ...trixie, requests: crun })).toEqual([
      {
        name: 'crun',
        version: '1.21-1~',
        architecture: 'amd64',
        archive: 'debian',
        suite: 'trixie',
        path: 'pool/main/c/crun/crun_1.21-1~_amd64.deb',
        sizeBytes: 7,
        sha256: 'c'.repeat(64),
      },
    ]);
    expect(asked).toEqual([
      'http://mirror.example/debian/dists/trixie/InRelease',
      `http://mirror.example/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/${sha256Of(packagesXz)}`,
      'crun',
    ]);
    expect(await readdir(join(root, 'store/tmp'))).toEqual([]);
  });

  test('offers a suite to the group that asks for it, and hides it from others', async () => {
    const sid = inRelease().replace('trixie', 'sid');
    const { workshop, asked } = await workshopWith({ trixie: inRelease(), sid });
    const { archives } = await solveGroups(workshop, {
      ...trixie,
      groups: [
        { name: 'base', requests: crun },
        { name: 'service/x', requests: [{ name: 'crun', suite: 'sid' }] },
        { name: 'service/none', requests: [] },
      ],
    });
    const date = '2026-09-12T07:55:41.000Z';
    expect(archives).toEqual({ sid: date, trixie: date });
    const pin = ['Package: *', 'Pin: release n=sid'];
    expect(asked.slice(-8)).toEqual([
      'crun',
      ...pin,
      'Pin-Priority: -1',
      'crun/sid',
      ...pin,
      'Pin-Priority: 100',
    ]);
  });
});

describe('a request that cannot be met', () => {
  const place = { file: 'service.yaml', line: 3 };
  const solve = async (requests: DeclaredRequest[], says?: AptSays) =>
    solveGroups((await workshopWith({ trixie: inRelease(), sid: inRelease() }, says)).workshop, {
      ...trixie,
      groups: [{ name: 'service/x', place, requests }],
    });

  test('names the package that was probably meant', async () => {
    await expect(solve([{ name: 'opensshserver' }])).rejects.toMatchObject({
      code: 'PACKAGE_UNKNOWN',
      message: 'Cannot find package opensshserver for service/x in trixie',
      place,
      hint: 'Did you mean openssh-server?',
    });
  });

  test('shows the line that asks for it', async () => {
    const file = join(root, 'service.yaml');
    await writeFile(file, 'name: x\npackages:\n  - crun\n  - crunn\n');
    const declared = { file, index: 1 };
    await expect(solve([{ name: 'crunn', declared }])).rejects.toMatchObject({
      place: { file, line: 4, column: 5, sourceLine: '  - crunn' },
      hint: 'Did you mean crun?',
    });
  });

  test('tells all unknown packages together', async () => {
    await expect(solve([{ name: 'frobnicator' }, { name: 'zzz', suite: 'sid' }])).rejects.toMatchObject({
      faults: [
        {
          message: 'Cannot find package frobnicator for service/x in trixie',
          hint: 'Correct the name, or name a suite that has the package.',
        },
        { message: 'Cannot find package zzz/sid for service/x in sid' },
      ],
    });
  });

  test('says which packages do not go together', async () => {
    const install = ` finit-sysv : Conflicts: systemd-sysv but 257.13-1 is to be installed
E: Unable to correct problems, you have held broken packages.`;
    await expect(solve(crun, { install })).rejects.toMatchObject({
      code: 'PACKAGES_UNSOLVABLE',
      message:
        'Cannot find packages for service/x that go together: finit-sysv : Conflicts: systemd-sysv but 257.13-1 is to be installed',
      place,
      hint: 'Ask for fewer packages, or take them from one suite.',
    });
  });

  test('tells all groups that cannot be solved together', async () => {
    const { workshop } = await workshopWith(
      { trixie: inRelease() },
      { install: 'E: Unable to correct problems' },
    );
    const groups = [
      { name: 'base', requests: crun },
      { name: 'service/x', requests: crun },
    ];
    await expect(solveGroups(workshop, { ...trixie, groups })).rejects.toMatchObject({
      faults: [
        { message: 'Cannot find packages for base that go together: Unable to correct problems' },
        { message: 'Cannot find packages for service/x that go together: Unable to correct problems' },
      ],
    });
  });

  test('refuses a suite that is no name', async () => {
    await expect(solve([{ name: 'crun', suite: '../../etc' }])).rejects.toMatchObject({
      code: 'SUITE_INVALID',
      message: 'Cannot lock packages of suite "../../etc": that is no name of a Debian suite',
      hint: 'Use a code name such as trixie, trixie-security or trixie-backports.',
    });
  });
});
