import { readFile } from 'node:fs/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { arOf, control, debOf, type Entry, tarOf, writeDeb } from './deb-fixtures.ts';
import { extractDataTar, parseControl, readDeb } from './read-deb.ts';

async function listing(path: string, limits?: Parameters<typeof readDeb>[1]): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of (await readDeb(path, limits)).entries) {
    lines.push(`${entry.type} ${entry.mode.toString(8)} ${entry.path} ${entry.target || entry.sizeBytes}`);
  }
  return lines;
}

const content: Entry[] = [
  { name: './', type: 'directory', mode: 0o755 },
  { name: './usr/bin/', type: 'directory', mode: 0o755 },
  { name: './usr/bin/demo', mode: 0o4755, text: 'program' },
  { name: './usr/bin/alias', type: 'symlink', mode: 0o777, linkname: '/usr/bin/demo' },
  { name: './usr/bin/twin', type: 'link', mode: 0o755, linkname: './usr/bin/demo' },
];
const shown = [
  'folder 755 / 0',
  'folder 755 /usr/bin 0',
  'file 4755 /usr/bin/demo 7',
  'link 777 /usr/bin/alias /usr/bin/demo',
  'hard-link 755 /usr/bin/twin /usr/bin/demo',
];

describe('a package', () => {
  test.each([
    ['gzip', gzipSync, '.gz'],
    ['zstd', zstdCompressSync as unknown as typeof gzipSync, '.zst'],
    ['nothing', ((bytes: Buffer) => bytes) as unknown as typeof gzipSync, ''],
  ])('compressed with %s', async (_name, compress, suffix) => {
    expect(await listing(await debOf(content, compress, suffix))).toEqual(shown);
  });

  // 1024 zeros, which is a tar without entries, as xz writes them.
  const emptyTarXz = Buffer.from(
    'fd377a585a000004e6d6b4460200210116000000742fe5a3e003ff000b5d00006ffdffffa3b77f46320000000c27692097' +
      '6378c300012780080000002e79aeadb1c467fb020000000004595a',
    'hex',
  );

  test('compressed with xz', async () => {
    const path = await writeDeb(
      arOf([
        ['debian-binary', Buffer.from('2.0\n')],
        ['control.tar.gz', gzipSync(await tarOf(control))],
        ['data.tar.xz', emptyTarXz],
      ]),
    );
    await extractDataTar(path, `${path}.tar`);
    expect(await readFile(`${path}.tar`)).toEqual(Buffer.alloc(1024));
    expect(await listing(path)).toEqual([]);
  });

  test('compressed with xz and cut off', async () => {
    const path = await writeDeb(
      arOf([
        ['debian-binary', Buffer.from('2.0\n')],
        ['control.tar.gz', gzipSync(await tarOf(control))],
        ['data.tar.xz', emptyTarXz.subarray(0, 40)],
      ]),
    );
    await expect(listing(path)).rejects.toThrow(`Cannot read package ${path}: its archive is damaged`);
  });

  test('gives its control stanza and the bytes of its files', async () => {
    const deb = await readDeb(await debOf(content));
    expect(deb.control).toEqual({ Package: 'demo', Version: '1.0', Description: 'short\n long' });
    const texts: string[] = [];
    for await (const { content: bytes, type } of deb.entries) {
      if (type !== 'file') continue;
      for await (const chunk of bytes) texts.push(chunk.toString());
    }
    expect(texts).toEqual(['program']);
  });

  test('a field named like a property of every object is only a field', () => {
    expect(Object.keys(parseControl('__proto__: x\nconstructor: y\n'))).toEqual(['__proto__', 'constructor']);
  });

  test('its data archive can be had uncompressed', async () => {
    const path = await debOf(content);
    await extractDataTar(path, `${path}.tar`);
    expect(await readFile(`${path}.tar`)).toEqual(await tarOf(content));
  });
});

describe('a hostile package', () => {
  test.each<[string, Entry, string]>([
    [
      'climbs out of the tree',
      { name: '../../etc/passwd', text: 'x' },
      'it has an entry named "../../etc/passwd"',
    ],
    ['climbs from within', { name: './usr/../../x', text: 'x' }, 'it has an entry named "./usr/../../x"'],
    [
      'links a hard link to outside',
      { name: './x', type: 'link', linkname: '../../etc/shadow' },
      'it has an entry named "../../etc/shadow"',
    ],
    [
      'has a link to nowhere',
      { name: './x', type: 'symlink', linkname: '' },
      'the link ./x has no usable target',
    ],
  ])('%s', async (_name, entry, reason) => {
    const path = await debOf([entry]);
    await expect(listing(path)).rejects.toMatchObject({
      code: 'DEB_INVALID',
      message: `Cannot read package ${path}: ${reason}`,
    });
  });

  test('an absolute name stays below the root', async () => {
    expect(await listing(await debOf([{ name: '/etc/demo', mode: 0o644, text: 'x' }]))).toEqual([
      'file 644 /etc/demo 1',
    ]);
  });

  test('unpacks to more than the limit', async () => {
    const path = await debOf([{ name: './zeros', text: '0'.repeat(1_000_000) }]);
    const limits = { controlBytes: 100_000, dataBytes: 500_000, entries: 10 };
    await expect(listing(path, limits)).rejects.toThrow(
      `Cannot read package ${path}: it unpacks to more than 500000 bytes`,
    );
    await expect(extractDataTar(path, `${path}.tar`, limits)).rejects.toThrow('more than 500000 bytes');
  });

  test('has more entries than the limit', async () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ name: `./${index}`, text: '' }));
    const limits = { controlBytes: 100_000, dataBytes: 500_000, entries: 10 };
    await expect(listing(await debOf(many), limits)).rejects.toThrow('it has more than 10 entries');
  });

  const version = ['debian-binary', Buffer.from('2.0\n')] as const;
  test.each<[string, Buffer, string]>([
    ['nothing at all', Buffer.alloc(0), 'it is not an ar archive'],
    ['a page of HTML', Buffer.from('<html>not found</html>'), 'it is not an ar archive'],
    ['no data', arOf([version, ['control.tar.gz', Buffer.from('x')]]), 'it is not a Debian binary package'],
    [
      'a cut member',
      arOf([version, ['data.tar.gz', Buffer.alloc(100)]]).subarray(0, 150),
      'data.tar.gz is cut off',
    ],
    ['a damaged header', Buffer.from(`!<arch>\n${'x'.repeat(60)}`), 'a member has a damaged header'],
    ['too many members', arOf(Array.from({ length: 20 }, () => version)), 'it has too many members'],
    [
      'no control file',
      arOf([version, ['control.tar', Buffer.alloc(1024)], ['data.tar', Buffer.alloc(1024)]]),
      'it has no control file',
    ],
    [
      'damaged compression',
      arOf([version, ['control.tar.gz', Buffer.from('garbage!')], ['data.tar', Buffer.alloc(1024)]]),
      'its archive is damaged',
    ],
    [
      'unknown compression',
      arOf([version, ['control.tar.lz', Buffer.from('garbage!')], ['data.tar', Buffer.alloc(1024)]]),
      'control.tar.lz is compressed in an unknown way',
    ],
  ])('%s', async (_name, bytes, reason) => {
    const path = await writeDeb(bytes);
    await expect(listing(path)).rejects.toMatchObject({
      code: 'DEB_INVALID',
      message: `Cannot read package ${path}: ${reason}`,
    });
  });
});
