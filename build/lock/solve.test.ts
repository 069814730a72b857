import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { openStore, removeTree } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { sha256Of } from '../testing/make-deb.ts';
import type { ToolCommand, ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { solveGroups, solvePackages } from './solve.ts';

const crunPath = 'pool/main/c/crun/crun_1.21-1%7e_amd64.deb';
const packages = [
  ['crun', '1.21-1~', crunPath.replace('%7e', '~')],
  ['openssh-server', '1:10.0-1', 'pool/main/o/openssh/openssh-server_10.0-1_amd64.deb'],
]
  .map(
    ([name, version, path]) =>
      `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: ${path}\nSize: 7\nSHA256: ${'c'.repeat(64)}\n`,
  )
  .join('\n');
/** The fake apt does not look into it. */
const packagesXz = 'not really compressed';

function inRelease(fields = ''): string {
  return `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Suite: stable
Codename: trixie
Date: Sat, 12 Sep 2026 07:55:41 UTC
Acquire-By-Hash: yes
${fields}SHA256:
 ${sha256Of(packagesXz)} ${packagesXz.length} main/binary-amd64/Packages.xz
-----BEGIN PGP SIGNATURE-----

made up
-----END PGP SIGNATURE-----
`;
}

/** What the fake apt says: nothing wrong, unless a test says otherwise. */
interface AptSays {
  readonly update?: string;
  readonly install?: string;
}

let root: string;
let store: Store;
let asked: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-solve-'));
  asked = [];
});

afterEach(async () => {
  await removeTree(join(root, 'store'));
  await rm(root, { recursive: true });
});

/** A mirror that has these indexes, and an apt that says this. */
async function workshopWith(
  indexes: Readonly<Record<string, string>>,
  says: AptSays = {},
): Promise<Workshop> {
  const host: BuildHost = {
    environmentVariable: (name) => (name === 'KEELSON_MIRROR' ? 'http://mirror.example' : undefined),
    now: () => Date.parse('2026-11-21T00:00:00Z'),
    signal: new AbortController().signal,
    cpuCount: 1,
    isRoot: false,
    run: () => Promise.reject(new Error('no processes')),
    wait: () => Promise.resolve(),
    async download(url) {
      const [, suite = '', file] = /\/dists\/([^/]+)\/(.*)$/.exec(url) ?? [];
      asked.push(url);
      const text = file === 'InRelease' ? indexes[suite] : packagesXz;
      const body = (async function* () {
        yield Buffer.from(text ?? '');
      })();
      return { status: text === undefined ? 404 : 200, headers: {}, body };
    },
  };
  store = await openStore({ root: join(root, 'store'), host });
  const tools = {
    run: (command: ToolCommand, options) => fakeApt(command, options?.onLine, says),
  } as ToolsTree;
  return { host, store, emit: () => undefined, openTools: async () => tools };
}

async function fakeApt(command: ToolCommand, onLine: ((line: string) => void) | undefined, says: AptSays) {
  const [verb] = command.arguments;
  const [folder = ''] = command.writable ?? [];
  const complaint = verb === 'update' ? says.update : says.install;
  if (complaint !== undefined) {
    for (const line of complaint.split('\n')) onLine?.(line);
    throw new KeelsonError({ code: 'TOOL_FAILED', class: 'environment', message: complaint });
  }
  if (verb === 'update') {
    const lists = join(folder, 'state/lists');
    const suites = await readdir(join(folder, 'archives/debian/dists'));
    for (const suite of suites)
      await writeFile(join(lists, `x_dists_${suite}_main_binary-amd64_Packages`), packages);
    return { exitCode: 0, stdout: '', stderr: '' };
  }
  asked.push(`${command.arguments.slice(command.arguments.indexOf('--') + 1).join(' ')}`);
  asked.push(
    ...(await readFile(join(folder, 'preferences'), 'utf8')).split('\n').filter((line) => line !== ''),
  );
  const stdout = `Reading package lists...\n'file:${folder}/archives/debian/${crunPath}' crun_1.21-1~_amd64.deb 7 MD5Sum:x\n`;
  return { exitCode: 0, stdout, stderr: '' };
}

const trixie = { architecture: 'amd64', suites: ['trixie'] } as const;
const crun = [{ name: 'crun' }];

describe('solvePackages', () => {
  test('gives what apt chose, with the digests of the verified list', async () => {
    const workshop = await workshopWith({ trixie: inRelease() });
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
    expect(await readdir(join(store.root, 'tmp'))).toEqual([]);
  });

  test('offers a suite to the group that asks for it, and hides it from others', async () => {
    const sid = inRelease().replace('trixie', 'sid');
    const { archives } = await solveGroups(await workshopWith({ trixie: inRelease(), sid }), {
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
        hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
      },
    ],
    [
      'has text before what is signed',
      `Codename: evil\n${inRelease()}`,
      {},
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: it is not a signed message',
        hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
      },
    ],
    [
      'has no date',
      inRelease().replace(/^Date.*\n/m, ''),
      {},
      {
        code: 'ARCHIVE_SIGNATURE_INVALID',
        message: 'Cannot trust the index of trixie: it has no date',
        hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
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
        hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
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
        hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
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
    const workshop = await workshopWith({ trixie: text }, says);
    await expect(solvePackages(workshop, { ...trixie, requests: crun })).rejects.toMatchObject(fault);
    expect(await readdir(join(store.root, 'tmp'))).toEqual([]);
  });
});

describe('a request that cannot be met', () => {
  const place = { file: 'service.yaml', line: 3 };
  const solve = async (requests: { name: string; suite?: string }[], says?: AptSays) =>
    solveGroups(await workshopWith({ trixie: inRelease(), sid: inRelease() }, says), {
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

  test('refuses a suite that is no name', async () => {
    await expect(solve([{ name: 'crun', suite: '../../etc' }])).rejects.toMatchObject({
      code: 'SUITE_INVALID',
      message: 'Cannot lock packages of suite "../../etc": that is no name of a Debian suite',
      hint: 'Use a code name such as trixie, trixie-security or trixie-backports.',
    });
  });
});
