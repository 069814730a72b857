import { describe, expect, test } from '@jest/globals';
import { makeAccountFiles } from './accounts.ts';
import { makeOsRelease } from './os-release.ts';
import { makeStatusStanza } from './package-status.ts';

describe('files that say what a machine is', () => {
  test('os-release', () => {
    expect(
      makeOsRelease({ name: 'minimal', version: '2026.11.0', architecture: 'x86-64' }),
    ).toMatchInlineSnapshot(`
"ID=keelson
ID_LIKE=debian
NAME=Keelson
PRETTY_NAME="Keelson minimal 2026.11.0"
VERSION=2026.11.0
VERSION_ID=2026.11.0
VARIANT=minimal
VARIANT_ID=minimal
IMAGE_ID=minimal
IMAGE_VERSION=2026.11.0
ARCHITECTURE=x86-64
"
`);
  });

  test("a package's status, for scanners", () => {
    const control = {
      Package: 'libssl3t64',
      Source: 'openssl',
      Version: '3.5.1-1',
      Architecture: 'amd64',
      Maintainer: 'Debian OpenSSL Team',
      'Installed-Size': '1',
      Description: 'Secure Sockets Layer toolkit\n Long text.',
    };
    expect(makeStatusStanza({ control })).toMatchInlineSnapshot(`
"Package: libssl3t64
Status: install ok installed
Source: openssl
Version: 3.5.1-1
Architecture: amd64
Maintainer: Debian OpenSSL Team
Description: Secure Sockets Layer toolkit
"
`);
  });

  test('accounts: root and nobody always, a group for each', async () => {
    const tree = makeAccountFiles(
      [{ name: '_chrony', uid: 102, gid: 102, home: '/nonexistent', shell: '/usr/sbin/nologin' }],
      'service time',
    );
    const texts = [...tree.values()].map((node) => (node.type === 'file' ? node.content.read() : undefined));
    expect(Buffer.concat((await Promise.all(texts)) as Buffer[]).toString()).toMatchInlineSnapshot(`
"root:x:0:0::/root:/bin/sh
_chrony:x:102:102::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
root:x:0:
_chrony:x:102:
nogroup:x:65534:
"
`);
  });
});
