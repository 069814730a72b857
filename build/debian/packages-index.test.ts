import { expect, test } from '@jest/globals';
import { readPackagesIndex } from './packages-index.ts';
import { snapshotDate } from './snapshot-date.ts';

const index = readPackagesIndex(
  Buffer.from(`Package: crun
Version: 1.21-1
Architecture: amd64
Depends: libc6 (>= 2.38),
 libcap2 (>= 1:2.10)
Filename: pool/main/c/crun/crun_1.21-1_amd64.deb
Size: 368640
SHA256: ${'a'.repeat(64)}

Package: frob
Version: 1-1
Architecture: all
Filename: pool/main/f/frob/frob_1-1_all.deb
Size: 1
SHA256: ${'b'.repeat(64)}

Package: crun
Version: 1.22-1
Architecture: amd64
Filename: pool/main/c/crun/crun_1.22-1_amd64.deb
Size: 2
SHA256: ${'c'.repeat(64)}`),
);

test('finds every version of a package', () => {
  expect(index.names).toEqual(['crun', 'frob']);
  expect(index.find('crun').map(({ version }) => version)).toEqual(['1.21-1', '1.22-1']);
  expect(index.find('crunn')).toEqual([]);
});

test('reads what locking needs, by path', () => {
  expect(index.findPath('crun', 'pool/main/c/crun/crun_1.21-1_amd64.deb')).toEqual({
    name: 'crun',
    version: '1.21-1',
    architecture: 'amd64',
    depends: 'libc6 (>= 2.38),\n libcap2 (>= 1:2.10)',
    path: 'pool/main/c/crun/crun_1.21-1_amd64.deb',
    sizeBytes: 368640,
    sha256: 'a'.repeat(64),
  });
  expect(index.findPath('crun', 'pool/main/f/frob/frob_1-1_all.deb')).toBeUndefined();
});

test('an empty list has no packages', () => {
  expect(readPackagesIndex(Buffer.alloc(0)).names).toEqual([]);
});

test('the dated archive is asked for its copy after the newest suite', () => {
  expect(snapshotDate(['2026-09-12T07:55:41.000Z', '2026-11-18T22:17:43.000Z'])).toBe(
    '2026-11-19T04:17:43.000Z',
  );
});
