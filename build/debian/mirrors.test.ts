import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { aptMirrors, archiveUrls, urisOfList, urisOfSources } from './mirrors.ts';
import type { ArchiveName } from './package.ts';

const date = '2026-11-18T22:17:43.000Z';
const path = 'pool/main/c/crun/crun_1.21-1+b1~x_amd64.deb';
const snapshot = (archive: ArchiveName) =>
  `http://snapshot.debian.org/archive/${archive}/20261118T221743Z/${path}`;

async function aptFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'apt-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

const hostWith = (mirror?: string) => ({
  environmentVariable: (name: string) => (name === 'KEELSON_MIRROR' ? mirror : undefined),
});

const debian12 = {
  'sources.list.d/debian.sources': [
    '# a comment',
    'Types: deb deb-src',
    'URIs: http://mirror.example/debian/',
    'Suites: bookworm bookworm-updates',
    '',
    'Types: deb',
    'URIs: http://security.example/debian-security',
    'Suites: bookworm-security',
  ].join('\n'),
  'sources.list.d/other.list': 'deb [signed-by=/x] https://packages.example/apt stable main\n',
};

describe('places of a file of the archive', () => {
  test.each<[string, string | undefined, Record<string, string>, ArchiveName, string[]]>([
    ['no apt here', undefined, {}, 'debian', [snapshot('debian')]],
    [
      "this computer's apt",
      undefined,
      debian12,
      'debian',
      [`http://mirror.example/debian/${path}`, snapshot('debian')],
    ],
    [
      "this computer's apt, security",
      undefined,
      debian12,
      'debian-security',
      [
        `http://security.example/debian-security/${path}`,
        `http://mirror.example/debian-security/${path}`,
        snapshot('debian-security'),
      ],
    ],
    [
      'a chosen base',
      'http://cache.example:3142/',
      {},
      'debian-security',
      [`http://cache.example:3142/debian-security/${path}`, snapshot('debian-security')],
    ],
    [
      'a chosen archive',
      'http://cache.example/debian',
      debian12,
      'debian',
      [`http://cache.example/debian/${path}`, `http://mirror.example/debian/${path}`, snapshot('debian')],
    ],
    [
      'the security archive beside it',
      'http://cache.example/debian/',
      {},
      'debian-security',
      [`http://cache.example/debian-security/${path}`, snapshot('debian-security')],
    ],
  ])('%s', async (_name, mirror, files, archive, urls) => {
    expect(archiveUrls(hostWith(mirror), { archive, path, date }, await aptFolder(files))).toEqual(urls);
  });

  test.each(['mirror.example/debian', 'file:///mnt', 'http://'])('%s is no mirror', (mirror) => {
    expect(() => archiveUrls(hostWith(mirror), { archive: 'debian', path, date }, '/nowhere')).toThrow(
      `Cannot use mirror "${mirror}": it is not the address of a web server`,
    );
  });

  test('people see the bases in the same order', async () => {
    expect(aptMirrors(hostWith('http://cache.example'), await aptFolder(debian12))).toEqual([
      'http://cache.example/debian',
      'http://mirror.example/debian',
      'http://snapshot.debian.org/archive/debian',
    ]);
  });
});

describe('sources of apt', () => {
  test.each([
    ['deb http://a.example/debian trixie main', ['http://a.example/debian']],
    ['deb [arch=amd64 signed-by=/k] https://a.example/x/debian/ trixie main', ['https://a.example/x/debian']],
    ['# deb http://a.example/debian trixie main', []],
    ['deb-src http://a.example/debian trixie main', []],
    ['deb cdrom:[Debian]/ trixie main', []],
    ['deb file:///mnt/debian trixie main', []],
    ['deb mirror+file:/etc/apt/mirrors.list trixie main', []],
    ['deb http://user:secret@a.example/debian trixie main', []],
    ['deb http://a.example/ubuntu noble main', []],
  ])('%s', (line, uris) => {
    expect(urisOfList(line)).toEqual(uris);
  });

  test.each([
    ['switched off', 'Enabled: no\nTypes: deb\nURIs: http://a.example/debian', []],
    ['sources only', 'Types: deb-src\nURIs: http://a.example/debian', []],
    [
      'several, over lines',
      'Types: deb\nURIs: http://a.example/debian\n http://b.example/debian\nSuites: x',
      ['http://a.example/debian', 'http://b.example/debian'],
    ],
  ])('deb822: %s', (_name, text, uris) => {
    expect(urisOfSources(text)).toEqual(uris);
  });
});
