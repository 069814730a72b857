import { describe, expect, test } from '@jest/globals';
import type { ShownSizes } from './measure-slot.ts';
import { renderSizes } from './render-sizes.ts';
import { renderTreemap } from './render-treemap.ts';
import { filePart, joinParts, plainPart } from './size-part.ts';

const library = '/usr/lib/keelson/services/web/rootfs/usr/lib/libweb.so';
const large = { path: '/usr/bin/large', storedBytes: 5_000_000, unpackedBytes: 12_000_000 };
const shared = {
  path: '/usr/lib/<both>.so',
  storedBytes: 2_000_000,
  unpackedBytes: 4_000_000,
  sharedBy: ['base', 'service web'],
};
const sizes: ShownSizes = {
  subject: 'sizes',
  name: 'demo',
  version: '1',
  whole: joinParts('demo 1', [
    joinParts('root', [
      joinParts('base', [
        joinParts('package large', [filePart(large.path, large)]),
        joinParts('package tiny', [
          filePart('/a', { path: '/a', storedBytes: 10_000, unpackedBytes: 20_000 }),
        ]),
        joinParts('package tiny2', [
          filePart('/b', { path: '/b', storedBytes: 10_000, unpackedBytes: 20_000 }),
        ]),
      ]),
      joinParts('shared', [joinParts('package both', [filePart(shared.path, shared)])]),
      plainPart('hash tree', 80_000),
    ]),
    joinParts('unified kernel image', [
      plainPart('kernel', 2_000_000, 9_000_000),
      joinParts('initramfs', [
        joinParts('modules', [
          filePart('/m.ko', {
            path: '/m.ko',
            storedBytes: 900_000,
            unpackedBytes: 3_000_000,
            isPortion: true,
          }),
        ]),
      ]),
    ]),
  ]),
  packages: [{ name: 'large', storedBytes: 5_000_000, unpackedBytes: 12_000_000, fileCount: 1 }],
  largestFiles: [large, shared],
  duplicates: [{ paths: ['/a', 'initramfs:/a'], unpackedBytes: 10, savedBytes: 1400 }],
  symbolTables: [],
  documentation: [],
  libraries: [
    {
      path: library,
      storedBytes: 300_000,
      savedBytes: 400_000,
      savedFiles: 2,
      neededBy: [{ path: '/usr/bin/large', symbols: ['a', 'b', 'c', 'd'] }],
    },
  ],
};

test('sizes for a person: parts down to packages, what is small in one row, and what might go', () => {
  expect(renderSizes(sizes)).toBe(
    `demo 1: unified kernel image and root, 10.0 MB (10000000 bytes)

  PART                    MB STORED    SHARE  MB UNPACKED  FILES
  demo 1                       10.0  100.0 %         28.1      5
    root                        7.1   71.0 %         16.1      4
      base                      5.0   50.2 %         12.0      3
        package large           5.0   50.0 %         12.0      1
        2 smaller               0.0    0.2 %          0.0      2
      shared                    2.0   20.0 %          4.0      1
        package both            2.0   20.0 %          4.0      1
      hash tree                 0.1    0.8 %          0.1
    unified kernel image        2.9   29.0 %         12.0      1
      kernel                    2.0   20.0 %          9.0
      initramfs                ~0.9    9.0 %          3.0      1
        modules                ~0.9    9.0 %          3.0      1

  ~ compressed together with its neighbours: its portion of what they take

Packages, whoever has their files
  PACKAGE  MB STORED   SHARE  MB UNPACKED  FILES
  large          5.0  50.0 %         12.0      1

Largest files of the root
  FILE                MB STORED   SHARE  MB UNPACKED  SHARED BY
  /usr/bin/large            5.0  50.0 %         12.0
  /usr/lib/<both>.so        2.0  20.0 %          4.0  2: base, service web

Stored more than once, 1 kB in all
  KB SAVED  SAME CONTENT
         1  /a, initramfs:/a

Symbol tables and debug information (about what they take): none

Documentation, locales and the like: none

Libraries that one file alone needs (saved: with what only they need)
  KB SAVED  FILES  LIBRARY                 NEEDED BY       SYMBOLS
       400      2  web:/usr/lib/libweb.so  /usr/bin/large  4: a, b, c, …

Libraries that two or three files need: none`,
  );
});

describe('sizes as a page', () => {
  const page = renderTreemap(sizes);

  test('each part has its figures, and areas are what is stored', () => {
    expect(page).toContain(
      '<title>root / base / package large / /usr/bin/large: 5.0 MB stored (50.0 %), 12.0 MB unpacked</title>',
    );
    expect(page).toContain(
      'root / shared / package both / /usr/lib/&#60;both&#62;.so: 2.0 MB stored (20.0 %), 4.0 MB unpacked, shared by 2: base, service web',
    );
    expect(page).toContain('modules / /m.ko: about 0.9 MB stored');
    const area = (name: string) => {
      const found = new RegExp(`${name}: [^<]*</title><rect [^>]*width="([\\d.]+)" height="([\\d.]+)"`).exec(
        page,
      );
      return Number(found?.[1]) * Number(found?.[2]);
    };
    // Frames and names take some room.
    expect(area('/usr/bin/large') / area('kernel')).toBeGreaterThan(2);
    expect(area('/usr/bin/large') / area('kernel')).toBeLessThan(3);
  });

  test('the list has all of it, opened down to the owners', () => {
    expect(page.match(/<li>/g)).toHaveLength(18);
    expect(page.match(/<details open>/g)).toHaveLength(3);
    expect(page).toContain('<li>/a: 10.0 kB stored (0.1 %), 20.0 kB unpacked</li>');
  });

  test('it needs nothing else, and every element is closed', () => {
    expect(page).not.toMatch(/<script|https?:|src=|@import|url\(/);
    for (const element of ['g', 'svg', 'text', 'title', 'ul', 'li', 'details', 'body', 'html']) {
      const opened = page.match(new RegExp(`<${element}[ >]`, 'g'))?.length;
      expect([element, page.match(new RegExp(`</${element}>`, 'g'))?.length]).toEqual([element, opened]);
    }
  });
});
