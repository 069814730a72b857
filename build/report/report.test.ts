import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Workshop } from '../tools/workshop.ts';
import { renderShow } from './render-show.ts';
import { renderTable } from './render-table.ts';
import { showDisk } from './show-disk.ts';
import type { ShownDisk, ShownRecipe } from './shown.ts';

test('a table lines up, numbers to the right', () => {
  expect(
    renderTable(
      [
        ['kernel', '9 B'],
        ['root', '10 B'],
      ],
      { right: [1] },
    ),
  ).toEqual(['  kernel   9 B', '  root    10 B']);
});

test('a recipe for a person', () => {
  const shown: ShownRecipe = {
    subject: 'recipe',
    name: 'minimal',
    version: '2026.11.1',
    description: 'small',
    architecture: 'x86-64',
    rootHash: 'abc',
    kernelRelease: '6.12',
    commandLine: 'panic=10',
    images: [{ part: 'kernel', sizeBytes: 2048 }],
    parts: [{ part: 'base', sizeBytes: 1024, fileCount: 3 }],
    packages: [{ name: 'crun', version: '1.21-1', suite: 'trixie' }],
    services: [
      {
        name: 'web',
        description: 'pages',
        kind: 'long-running',
        user: 'www',
        memoryBytes: 1024 ** 2,
        pids: 8,
        ports: ['80/tcp'],
        writable: [],
        needs: ['network'],
        imageFacts: ['its image has 1 device node: left out'],
        starts: ['container/shop from quay.io/shop:1 sha256:ab, built in'],
        hasOwnUsers: false,
        privileges: [
          { name: 'CAP_CHOWN', kind: 'capability', weight: 2 },
          { name: 'CAP_NET_ADMIN', kind: 'capability', weight: 5 },
          { name: 'no AppArmor policy', kind: 'policy', weight: 10 },
          { name: "machine's network namespace", kind: 'namespace', weight: 4 },
          { name: 'writes /run', kind: 'write', weight: 10 },
          { name: 'reads /home', kind: 'read', weight: 5 },
        ],
        exposure: 36,
        definition: 'system-services/web/service.yaml',
      },
    ],
    partitions: [],
  };
  expect(renderShow(shown)).toBe(
    [
      'minimal 2026.11.1 for x86-64: small',
      '',
      '  root hash     abc',
      '  kernel        6.12',
      '  command line  panic=10',
      '',
      'Images (compressed)',
      '  kernel  2.0 KiB',
      '',
      'In the root, before compression (files of several parts count to the first)',
      '  base  1.0 KiB  3 files',
      '',
      'Services',
      '  web: pages',
      '      as www, long-running, at most 1.0 MiB, 8 processes',
      '      its image has 1 device node: left out',
      '      starts container/shop from quay.io/shop:1 sha256:ab, built in',
      '      listens on 80/tcp',
      '      needs network',
      '',
      'Privileges of services, and their exposure: 0 is as confined as can be, 100 an administrator of the machine',
      '  SERVICE  EXPOSURE  USER  CAPABILITIES  SECCOMP  APPARMOR  SHARES   DEVICES  WRITES  READS  OTHER',
      '  web            36  www   chown         default  no        network  -        /run    /home  -',
      '                           net_admin',
      '',
      'Partitions',
      '',
      'Packages (1)',
      '  crun  1.21-1  trixie',
    ].join('\n'),
  );
});

test('a disk for a person', () => {
  const shown: ShownDisk = {
    subject: 'disk',
    path: 'x.raw',
    sizeBytes: 1024,
    diskGuid: 'guid',
    partitions: [{ label: 'esp', typeGuid: 't', guid: 'g', offsetBytes: 1024, sizeBytes: 2048 }],
    slots: [
      { slot: 'a', state: 'damaged', reason: 'there is no trailer' },
      { slot: 'b', state: 'empty' },
    ],
    bootFiles: [{ path: 'loader/loader.conf', sizeBytes: 12 }],
  };
  expect(renderShow(shown).split('\n')).toEqual([
    'x.raw: 1.0 KiB, disk guid',
    '',
    'Partitions',
    '  esp  2.0 KiB  at 1.0 KiB  type t',
    '',
    'Slots',
    '  a: damaged: there is no trailer',
    '  b: empty',
    '',
    'EFI system partition',
    '  loader/loader.conf  12 B',
  ]);
});

describe('disks that cannot be shown', () => {
  const workshop = {} as Workshop;

  test('one that is not there', async () => {
    await expect(showDisk(workshop, '/no/such.raw')).rejects.toMatchObject({
      code: 'DISK_UNREADABLE',
      message: 'Cannot open the disk /no/such.raw',
      hint: 'Check the path and whether you may read the file.',
    });
  });

  test.each([
    ['qcow2', Buffer.from('QFI\xfb', 'latin1'), 'it is qcow2, not raw'],
    ['empty', Buffer.alloc(0), 'it has no GUID partition table'],
  ])('%s', async (_name, bytes, reason) => {
    const folder = await mkdtemp(join(tmpdir(), 'report-test-'));
    const path = join(folder, 'disk');
    await writeFile(path, bytes);
    await expect(showDisk(workshop, path)).rejects.toMatchObject({
      code: 'DISK_INVALID',
      message: `Cannot read the disk ${path}: ${reason}`,
    });
    await rm(folder, { recursive: true });
  });
});
