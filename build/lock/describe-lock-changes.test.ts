import { expect, test } from '@jest/globals';
import type { LockedPackage } from '../debian/package.ts';
import { checkFreshness } from './check-freshness.ts';
import { describeLockChanges } from './describe-lock-changes.ts';
import { type Lockfile, lockfileFormat } from './lockfile.ts';
import { packageKey } from './package-key.ts';

/** `name version` by group; the digest is made of both, unless a third word gives another. */
function lockfile(
  groups: Readonly<Record<string, readonly string[]>>,
  date = '2026-09-12T07:55:41.000Z',
): Lockfile {
  const packages: Record<string, LockedPackage> = {};
  const keys = (texts: readonly string[]) =>
    texts.map((text) => {
      const [name = '', version = '', digest = text] = text.split(' ');
      const architecture = 'amd64' as const;
      const key = packageKey({ name, version, architecture } as LockedPackage);
      const archive = 'debian' as const;
      packages[key] = {
        name,
        version,
        architecture,
        archive,
        suite: 'trixie',
        path: '',
        sizeBytes: 1,
        sha256: digest,
      };
      return key;
    });
  return {
    format: lockfileFormat,
    recipe: 'demo',
    requestDigest: '',
    archives: { trixie: date },
    groups: Object.fromEntries(
      Object.entries(groups).map(([name, texts]) => [name, { requested: [], packages: keys(texts) }]),
    ),
    packages,
  };
}

test('tells what a new lockfile changes', () => {
  const before = lockfile({
    base: ['crun 1.21-1', 'finit 4.12-1', 'libc6 2.41-12', 'zlib1g 1.3'],
    'service/sshd': ['libc6 2.41-12', 'openssh-server 1:10.0p1-7', 'libwrap0 7.6'],
  });
  const after = lockfile({
    base: ['crun 1.21-1', 'finit 4.12-1 other-digest', 'libc6 2.41-13'],
    'service/sshd': ['libc6 2.41-13', 'openssh-server 1:10.0p1-8', 'libpam0g 1.7', 'zlib1g 1.3'],
  });
  expect(describeLockChanges(before, after)).toEqual([
    'rebuilt  finit 4.12-1 (base)',
    'changed  libc6 2.41-12 → 2.41-13 (base, service/sshd)',
    'added    libpam0g 1.7 (service/sshd)',
    'removed  libwrap0 7.6 (service/sshd)',
    'changed  openssh-server 1:10.0p1-7 → 1:10.0p1-8 (service/sshd)',
    'moved    zlib1g 1.3 (base → service/sshd)',
  ]);
});

test('a first lockfile adds everything, the same again nothing', () => {
  const only = lockfile({ base: ['crun 1.21-1'] });
  expect(describeLockChanges(undefined, only)).toEqual(['added    crun 1.21-1 (base)']);
  expect(describeLockChanges(only, only)).toEqual([]);
});

test('an index older than that of the last lockfile is refused', () => {
  const before = lockfile({}, '2026-09-12T07:55:41.000Z');
  expect(() =>
    checkFreshness(before, { trixie: '2026-09-12T07:55:41.000Z', sid: '2020-01-01T00:00:00.000Z' }),
  ).not.toThrow();
  expect(() => checkFreshness(undefined, { trixie: '2020-01-01T00:00:00.000Z' })).not.toThrow();
  expect(() => checkFreshness(before, { trixie: '2026-09-12T07:55:40.000Z' })).toThrow(
    expect.objectContaining({
      code: 'ARCHIVE_ROLLED_BACK',
      message:
        'Cannot trust the index of trixie: it is from 2026-09-12T07:55:40.000Z, the lockfile was made from that of 2026-09-12T07:55:41.000Z',
      hint: 'Use a mirror that is kept up to date; to go back on purpose, remove the lockfile first.',
    }),
  );
});

test('tells that a tag names another image than when it was locked', () => {
  const image = (tag: string, digest: string, manifest = digest) => ({
    image: `quay.io/org/web:${tag}`,
    digest: `sha256:${digest}`,
    manifestSha256: manifest,
    manifestBytes: 1,
  });
  const locked = (images: Lockfile['images'] & object) => ({ ...lockfile({}), images });
  const before = locked({
    a: image('1', 'aa'),
    b: image('1', 'bb'),
    c: image('1', 'cc'),
    d: image('1', 'dd'),
  });
  const after = locked({
    a: image('1', 'aa'),
    b: image('1', 'b0'),
    c: image('2', 'c0'),
    'compose/shop/front': image('1', 'ff'),
    'container/e': image('1', 'ee'),
    e: image('1', 'e0'),
  });
  expect(describeLockChanges(before, after)).toEqual([
    'changed  image quay.io/org/web:1 sha256:bb → sha256:b0 (service/b)',
    'changed  image quay.io/org/web:1 → quay.io/org/web:2 sha256:cc → sha256:c0 (service/c)',
    'added    image quay.io/org/web:1 sha256:ff (compose/shop/front)',
    'added    image quay.io/org/web:1 sha256:ee (container/e)',
    'removed  image quay.io/org/web:1 sha256:dd (service/d)',
    'added    image quay.io/org/web:1 sha256:e0 (service/e)',
  ]);
});
