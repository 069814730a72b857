import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { removeTree } from '../store/open-store.ts';
import { type AptSays, inRelease, makeAptWorkshop } from '../testing/apt-workshop.ts';
import { solvePackages } from './solve.ts';

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
const mirrorHint =
  'Use another mirror; if none works, the network between this computer and Debian may be tampered with.';

describe('an index that cannot be trusted', () => {
  const uri = 'file:/s/tmp/1/archives/debian';
  test.each<[string, string, AptSays, { code: string; message: string; hint: string }]>([
    [
      'is not signed at all',
      'Origin: Debian\nCodename: trixie\n',
      {},
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: it is not a signed message',
        hint: mirrorHint,
      },
    ],
    [
      'has text before what is signed',
      `Codename: evil\n${inRelease()}`,
      {},
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: it is not a signed message',
        hint: mirrorHint,
      },
    ],
    [
      'has no date',
      inRelease().replace(/^Date.*\n/m, ''),
      {},
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: it has no date',
        hint: mirrorHint,
      },
    ],
    [
      'was changed after it was signed',
      inRelease(),
      {
        update: `Err:1 ${uri} trixie InRelease
  Sub-process /usr/bin/sqv returned an error code (1), error message is: Verifying signature:            Message has been manipulated Verifying signature:            Message has been manipulated
W: OpenPGP signature verification failed: ${uri} trixie InRelease: Sub-process /usr/bin/sqv returned an error code (1)
E: The repository '${uri} trixie InRelease' is not signed.`,
      },
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: its signature is not good (Message has been manipulated)',
        hint: mirrorHint,
      },
    ],
    [
      'has a signature that is cut off',
      inRelease(),
      {
        update: `  Splitting up /s/InRelease into data and signature failed
E: The repository '${uri} trixie InRelease' is not signed.`,
      },
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message:
          'Cannot trust the index of trixie: its signature is not good (the signed message is cut off)',
        hint: mirrorHint,
      },
    ],
    [
      'is past its Valid-Until',
      inRelease(),
      {
        update: `E: Release file for ${uri}/dists/trixie/InRelease is expired (invalid since 15d 0h 38min 56s). Updates for this repository will not be applied.`,
      },
      {
        code: 'ARCHIVE_EXPIRED',
        message: 'Cannot trust the index of trixie: it has been out of date for 15d 0h 38min 56s',
        hint: "Check this computer's clock; if it is right, use a mirror that is kept up to date.",
      },
    ],
    [
      'is from the future',
      inRelease(),
      {
        update: `E: Release file for ${uri}/dists/trixie/InRelease is not valid yet (invalid for another 1h 2min 3s). Updates for this repository will not be applied.`,
      },
      {
        code: 'ARCHIVE_NOT_YET_VALID',
        message: 'Cannot trust the index of trixie: it is from 1h 2min 3s in the future',
        hint: "Set this computer's clock.",
      },
    ],
    [
      'covers another package list',
      inRelease(),
      { update: `E: Failed to fetch ${uri}/dists/trixie/main/binary-amd64/Packages.xz  Hash Sum mismatch` },
      {
        code: 'ARCHIVE_DAMAGED',
        message:
          'Cannot trust the index of trixie: its package list is not the one that its signature covers',
        hint: 'Lock again; if it happens again, use another mirror.',
      },
    ],
    [
      'has no list for the architecture',
      inRelease().replace('binary-amd64', 'binary-m68k'),
      {},
      {
        code: 'SUITE_UNSUITABLE',
        message: 'Cannot use suite trixie: it has no package list for amd64 that can be read',
        hint: 'Use a suite of a Debian release that has this architecture.',
      },
    ],
  ])('because it %s', async (_, text, says, fault) => {
    const { workshop } = await workshopWith({ trixie: text }, says);
    await expect(solvePackages(workshop, { ...trixie, requests: crun })).rejects.toMatchObject(fault);
    expect(await readdir(join(root, 'store/tmp'))).toEqual([]);
  });
});
