import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { storedBytes } from '../rootfs/stored-bytes.ts';
import { type LayerMember, makeLayerTar } from '../testing/make-oci-layout.ts';
import { applyLayers } from './apply-layers.ts';
import { indexLayer } from './index-layer.ts';
import { type LayerContents, layerDataFile, layerFile } from './layer-contents.ts';
import { defaultLayerLimits, readLayer } from './read-layer.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-layers-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const file = (name: string, content = 'x', more: Partial<LayerMember> = {}): LayerMember => ({
  name,
  content,
  mode: 0o644,
  ...more,
});
const directory = (name: string, more: Partial<LayerMember> = {}): LayerMember => ({
  name,
  type: 'directory',
  mode: 0o755,
  ...more,
});
const link = (name: string, linkname: string): LayerMember => ({ name, type: 'symlink', linkname });

async function open(members: readonly LayerMember[], limits = defaultLayerLimits) {
  const output = await mkdtemp(join(folder, 'layer-'));
  const tar = await makeLayerTar(members);
  const archive = join(output, 'layer.tar');
  await writeFile(archive, gzipSync(tar));
  const digest = createHash('sha256').update(tar).digest('hex');
  await indexLayer(readLayer(archive, 'gzip', digest, limits), output);
  const contents = JSON.parse(await readFile(join(output, layerFile), 'utf8')) as LayerContents;
  return {
    ...contents,
    contentAt: (offset: number, size: number, sha256: string) =>
      storedBytes(join(output, layerDataFile), offset, size, sha256),
  };
}

/** A line for each path: what it is, its mode and owner, and what is in it. */
async function layOver(...layers: readonly (readonly LayerMember[])[]): Promise<string[]> {
  const opened = [];
  for (const members of layers) opened.push(await open(members));
  const lines = [];
  for (const [path, node] of [...applyLayers(opened, 'image')].sort()) {
    if (path === '/') continue;
    const access = `${node.mode.toString(8)} ${node.uid}:${node.gid}`;
    if (node.type === 'file') lines.push(`${path} ${access} ${await node.content.read()}`);
    else lines.push(node.type === 'link' ? `${path} -> ${node.target}` : `${path}/ ${access}`);
  }
  return lines;
}

describe('layers', () => {
  test('are laid over each other', async () => {
    expect(
      await layOver(
        [directory('etc/'), file('etc/a', 'one'), file('etc/b', 'one', { uid: 7, gid: 8, mode: 0o600 })],
        [file('etc/a', 'two'), directory('etc/', { mode: 0o711, uid: 1 })],
      ),
    ).toEqual(['/etc/ 711 1:0', '/etc/a 644 0:0 two', '/etc/b 600 7:8 one']);
  });

  test('make folders that are missing', async () => {
    expect(await layOver([file('a/b/c')])).toEqual(['/a/ 755 0:0', '/a/b/ 755 0:0', '/a/b/c 644 0:0 x']);
  });

  test('hide what whiteouts name, of lower layers only', async () => {
    expect(
      await layOver(
        [file('a/gone'), file('a/stays'), file('b/deep/file')],
        [file('a/new'), file('a/.wh.gone', ''), file('a/.wh.new', ''), file('.wh.b', ''), file('b/again')],
      ),
    ).toEqual(['/a/ 755 0:0', '/a/new 644 0:0 x', '/a/stays 644 0:0 x', '/b/ 755 0:0', '/b/again 644 0:0 x']);
  });

  test('empty what opaque whiteouts name, wherever in the archive they stand', async () => {
    expect(
      await layOver([file('a/one'), file('a/sub/two')], [file('a/three'), file('a/.wh..wh..opq', '')]),
    ).toEqual(['/a/ 755 0:0', '/a/three 644 0:0 x']);
  });

  test('replace folders by files and links by folders', async () => {
    expect(
      await layOver([file('a/inside'), link('b', 'a')], [file('a'), directory('b/'), file('b/c')]),
    ).toEqual(['/a 644 0:0 x', '/b/ 755 0:0', '/b/c 644 0:0 x']);
  });

  test('follow links, but never out of the image', async () => {
    expect(
      await layOver(
        [directory('usr/lib/'), link('lib', 'usr/lib'), link('up', '../../../etc'), link('root', '/usr')],
        [file('lib/x'), file('up/y'), file('root/z')],
      ),
    ).toEqual([
      '/etc/ 755 0:0',
      '/etc/y 644 0:0 x',
      '/lib -> usr/lib',
      '/root -> /usr',
      '/up -> ../../../etc',
      '/usr/ 755 0:0',
      '/usr/lib/ 755 0:0',
      '/usr/lib/x 644 0:0 x',
      '/usr/z 644 0:0 x',
    ]);
  });

  test('may give a file several names, in lower layers too', async () => {
    expect(
      await layOver([file('a', 'same', { uid: 5 })], [{ name: 'b', type: 'link', linkname: 'a' }]),
    ).toEqual(['/a 644 5:0 same', '/b 644 5:0 same']);
  });

  test('lose device nodes and pipes; what they replace is gone; all is counted', async () => {
    const members = [
      { name: 'dev/null', type: 'character-device', mode: 0o666 },
      { name: 'dev/sda', type: 'block-device', mode: 0o666 },
      { name: 'pipe', type: 'fifo' },
      file('bin/su', 'x', { mode: 0o4755 }),
      file('bin/ping', 'x', { mode: 0o755, pax: { 'SCHILY.xattr.security.capability': 'x' } }),
    ] as const;
    expect((await open(members)).facts).toEqual({ setIdFiles: 1, capabilityFiles: 1, devices: 2, pipes: 1 });
    expect(await layOver([file('dev/null', 'a file')], members)).toEqual([
      '/bin/ 755 0:0',
      '/bin/ping 755 0:0 x',
      '/bin/su 4755 0:0 x',
      '/dev/ 755 0:0',
    ]);
  });

  test.each([
    ['a way out', [file('a/../../etc/passwd')], 'it has an entry named "a/../../etc/passwd"'],
    ['control characters', [file('a\nb')], String.raw`it has an entry named "a\nb"`],
    ['a hard link out', [{ name: 'a', type: 'link', linkname: '../b' }], 'it has an entry named "../b"'],
    [
      'a hard link to nothing',
      [{ name: 'a', type: 'link', linkname: 'b' }],
      '/a is another name of /b, which is no file',
    ],
    ['a circle of links', [link('a', 'b'), link('b', 'a'), file('a/x')], '/a leads through too many links'],
    ['a file below a file', [file('a'), file('a/b')], '/a/b lies below something that is no folder'],
    ['a root that is a file', [file('.')], 'its root is no folder'],
    ['a whiteout of nothing', [file('a/.wh...', '')], '/a/.wh... hides nothing'],
    [
      'a path without an end',
      [file(Array.from({ length: 2000 }, () => 'aa').join('/'))],
      'a path in it has more than 3800 characters',
    ],
  ] as const)('are refused with %s', async (_what, members, message) => {
    await expect(layOver(members as readonly LayerMember[])).rejects.toThrow(message);
  });

  test('are refused when they are too large, too many, damaged or others', async () => {
    const limits = { unpackedBytes: 4096, entries: 3 };
    await expect(open([file('a', 'x'.repeat(5000))], limits)).rejects.toThrow('more than 4096 bytes');
    await expect(
      open([file('a'), file('b'), file('c'), file('d')], { ...limits, unpackedBytes: 1e6 }),
    ).rejects.toThrow('a layer has more than 3 entries');
    const archive = join(folder, 'other.tar');
    await writeFile(archive, await makeLayerTar([file('a')]));
    const read = async (packing: 'none' | 'gzip') => {
      for await (const _entry of readLayer(archive, packing, '0'.repeat(64)));
    };
    await expect(read('none')).rejects.toThrow('a layer is not the one of its configuration');
    await expect(read('gzip')).rejects.toThrow('the archive of a layer is damaged');
  });
});
