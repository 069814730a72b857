import { expect, test } from '@jest/globals';
import { bytesOf } from '../../rootfs/byte-source.ts';
import { fakeElf } from '../../rootfs/testing/fake-elf.ts';
import { findDocumentation, findDuplicates, findSymbolTables } from './find-savings.ts';
import type { RootFile } from './measure-root.ts';
import { addSections } from './testing/fake-sections.ts';

let inode = 0;
function rootFile(path: string, content: Buffer | string, storedBytes = 10): RootFile {
  const source = bytesOf(content);
  return {
    path,
    paths: [path],
    inode: inode++,
    origin: 'package test',
    content: source,
    storedBytes,
    unpackedBytes: source.sizeBytes,
  };
}

test('content that is stored again: under another owner or mode, or in the initramfs', () => {
  const files = [
    rootFile('/a', 'same', 100),
    rootFile('/b', 'same', 90),
    rootFile('/c', 'other'),
    rootFile('/d', '', 0),
    rootFile('/e', '', 0),
  ];
  const inInitramfs = { path: '/a', sha256: bytesOf('same').sha256, storedBytes: 60, unpackedBytes: 4 };
  expect(findDuplicates(files, [inInitramfs])).toEqual([
    { paths: ['/a', '/b', 'initramfs:/a'], unpackedBytes: 4, savedBytes: 150 },
  ]);
});

test('tables that nothing reads; a module is linked by its symbols, so those are none', async () => {
  const sections = {
    '.text': Buffer.alloc(9),
    '.symtab': Buffer.alloc(500),
    '.debug_info': Buffer.alloc(300),
  };
  const found = await findSymbolTables([
    rootFile('/stripped', addSections(fakeElf(), { '.text': Buffer.alloc(9), '.dynsym': Buffer.alloc(24) })),
    rootFile(
      '/module.ko',
      addSections(fakeElf(), { ...sections, '.BTF': Buffer.alloc(200) }, { isRelocatable: true }),
    ),
    rootFile('/program', addSections(fakeElf(), sections)),
    rootFile('/broken', addSections(fakeElf(), sections).subarray(0, -1)),
    rootFile('/text', 'text'),
  ]);
  expect(found.map(({ path, sections, unpackedBytes }) => [path, sections, unpackedBytes])).toEqual(
    expect.arrayContaining([
      ['/program', ['.symtab', '.debug_info'], 800],
      ['/module.ko', ['.debug_info', '.BTF'], 500],
    ]),
  );
  expect(found).toHaveLength(2);
  for (const { savedBytes, unpackedBytes } of found) {
    expect(savedBytes).toBeGreaterThan(0);
    expect(savedBytes).toBeLessThan(unpackedBytes);
  }
});

test('what people read, as each service sees its files', () => {
  const root = '/usr/lib/keelson/services/web/rootfs';
  const found = findDocumentation([
    rootFile('/usr/share/doc/web/copyright', 'x', 5),
    rootFile(`${root}/usr/share/doc/web/copyright`, 'y', 7),
    rootFile(`${root}/usr/share/locale/de/LC_MESSAGES/web.mo`, 'z', 20),
    rootFile(`${root}/usr/lib/x86_64-linux-gnu/libx.a`, 'z', 1),
    rootFile('/usr/share/web/doc.html', 'kept', 400),
  ]);
  expect(found.map(({ kind, fileCount, storedBytes }) => [kind, fileCount, storedBytes])).toEqual([
    ['translations', 1, 20],
    ['documentation', 2, 12],
    ['headers and archives for compilers', 1, 1],
  ]);
});
