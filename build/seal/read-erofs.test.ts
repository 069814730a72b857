import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import { writeTar } from '../rootfs/write-tar.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import { planSeal } from './plan-seal.ts';
import { readErofs } from './read-erofs.ts';

const owned = { uid: 0, gid: 0, origin: 'test' };
const file = (content: Buffer | string, more: Partial<TreeNode> = {}): TreeNode =>
  ({ ...owned, mode: 0o644, ...more, type: 'file', content: bytesOf(content) }) as TreeNode;
const folder: TreeNode = { ...owned, mode: 0o755, type: 'folder' };
const text = Array.from({ length: 40_000 }, (_, index) => `line ${index} of a text\n`).join('');
const noise = Buffer.alloc(300_001);
for (let index = 0, state = 1; index < noise.length; index++) {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
  noise[index] = state >> 16;
}

/** Every way in which mkfs.erofs lays files out, and a folder whose names need several blocks. */
const tree = new Map<string, TreeNode>([
  ['/', folder],
  ['/compressed', file(text)],
  ['/compressed-alike', file(text)],
  ['/device', { ...owned, mode: 0o600, type: 'device', device: 'character', major: 5, minor: 1 }],
  ['/empty', file('')],
  ['/inline', file('a few words')],
  ['/link', { ...owned, mode: 0o777, type: 'link', target: '../somewhere/else' }],
  ['/many', folder],
  ...Array.from({ length: 400 }, (_, index): [string, TreeNode] => [
    `/many/a-file-with-a-name-that-is-long-${index}`,
    file(`${index}`, { uid: index % 3 === 0 ? 70_000 : 0 }),
  ]),
  ['/noise', file(noise)],
  ['/other-owner', file(text, { uid: 1, mode: 0o4755 })],
  ['/Größe', file('ä')],
]);

let place: string;
let tools: ToolsTree;
/** The bytes of one that is laid out as roots are. */
let plain: Buffer;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'erofs-'));
  tools = await (await openRealWorkshop()).openTools('image');
  plain = await readFile(await makeErofs('plain'));
}, 120_000);
afterAll(() => rm(place, { recursive: true }));

/** As roots are sealed, but for what `layout` says instead. */
async function makeErofs(name: string, layout?: readonly string[]): Promise<string> {
  const path = join(place, name.replaceAll(' ', '-'));
  const { erofsArguments: sealed, modifiedAt } = planSeal('test', 'ab'.repeat(32), 'zstd');
  const erofsArguments =
    layout === undefined ? sealed : [...sealed.filter((each) => !/^-[zC]/.test(each)), ...layout];
  await tools.run(
    { file: '/usr/bin/mkfs.erofs', arguments: [...erofsArguments, path], writable: [place] },
    { input: writeTar(tree, { modifiedAt }) },
  );
  return path;
}

function read(bytes: Buffer) {
  return readErofs((offset, size) => bytes.subarray(offset, offset + size));
}

/** What the format's own tool says of each path: size, bytes on disk, number of the inode. */
async function dump(path: string, paths: readonly string[]): Promise<readonly (readonly number[])[]> {
  const script = 'image=$1; shift; for path; do /usr/bin/dump.erofs --path="$path" "$image"; done';
  const { stdout } = await tools.run({
    file: '/usr/bin/dash',
    arguments: ['-c', script, 'dash', path, ...paths],
    readOnly: [place],
  });
  const found = stdout.matchAll(/^Size: (\d+) {2}On-disk size: (\d+) .*\nNID: (\d+) /gm);
  return [...found].map((fields) => fields.slice(1).map(Number));
}

describe('an erofs file system', () => {
  test.each([
    ['as roots are sealed', undefined],
    ['uncompressed', []],
    ['with lz4', ['-zlz4hc']],
    ['with ends of files beside their inodes', ['-zzstd', '-C65536', '-Eztailpacking']],
    ['with ends of files packed together', ['-zzstd', '-C65536', '-Efragments']],
  ])('%s: each file takes what dump.erofs says', async (name, layout) => {
    const path = await makeErofs(name, layout);
    const bytes = await readFile(path);
    const volume = read(bytes);
    const all = volume.entries.filter(({ type }) => type === 'file');
    const wanted = [...tree].filter(([, { type }]) => type === 'file').map(([each]) => each);
    expect(all.map((entry) => entry.path)).toEqual(wanted.sort());
    // The many small ones are alike.
    const files = all.filter((entry) => !/[0-9][0-9]$/.test(entry.path));
    const told = await dump(
      path,
      files.map((entry) => entry.path),
    );
    // Content that lies in blocks as it is has its own size there, without the rest of its last block.
    const isPlain = (stored: number, size: number) => layout?.length === 0 && stored - size < 4096;
    expect(
      files.map(({ sizeBytes, storedBytes, inode }) => [
        sizeBytes,
        isPlain(storedBytes, sizeBytes) ? sizeBytes : storedBytes,
        inode,
      ]),
    ).toEqual(told);
    const stored = new Map(all.map(({ inode, storedBytes }) => [inode, storedBytes]));
    const sum = [...stored.values()].reduce((total, bytes) => total + bytes, volume.packedBytes);
    expect(volume.sizeBytes).toBe(bytes.length);
    expect(sum).toBeLessThan(volume.sizeBytes);
    // What is left are inodes, names and links.
    expect(volume.sizeBytes - sum).toBeLessThan(120_000);
  });

  test('modes, owners, links, and one inode for content that is there twice', () => {
    const { entries } = read(plain);
    const at = (path: string) => entries.find((entry) => entry.path === path);
    expect(at('/')).toMatchObject({ type: 'folder', mode: 0o755 });
    expect(at('/link')).toMatchObject({ type: 'link', target: '../somewhere/else' });
    expect(at('/device')).toMatchObject({ type: 'device', storedBytes: 0 });
    expect(at('/other-owner')).toMatchObject({ uid: 1, mode: 0o4755 });
    expect(at('/many/a-file-with-a-name-that-is-long-3')).toMatchObject({ uid: 70_000, sizeBytes: 1 });
    expect(at('/compressed')?.inode).toBe(at('/compressed-alike')?.inode);
    expect(at('/compressed')?.inode).not.toBe(at('/other-owner')?.inode);
  });

  const superblock = 1024;
  test.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['something else', 'it is no erofs file system', (bytes) => bytes.fill(0, superblock, superblock + 4)],
    ['a part of one', 'it ends too early', (bytes) => bytes.subarray(0, 2048)],
    [
      'features of tomorrow',
      'it has features that are not known here (0x80)',
      (bytes) => {
        bytes.writeUInt32LE(0x80, superblock + 80);
        return bytes;
      },
    ],
    [
      'another root',
      'its root is no folder',
      (bytes) => {
        bytes.writeUInt16LE(inodeOf(bytes, '/inline'), superblock + 14);
        return bytes;
      },
    ],
    [
      'a folder inside itself',
      'its folders are too deep',
      (bytes) => {
        const root = bytes.readUInt16LE(superblock + 14);
        const many = inodeOf(bytes, '/many');
        const entry = Buffer.alloc(8);
        entry.writeBigUInt64LE(BigInt(many));
        const at = bytes.indexOf(entry, root * 32);
        bytes.writeBigUInt64LE(BigInt(root), at);
        return bytes;
      },
    ],
  ])('%s is refused: %s', (_name, message, change) => {
    const bytes = change(Buffer.from(plain));
    expect(() => read(bytes)).toThrow(message);
  });

  test('with any byte of its superblock or root changed, it answers or throws, and never hangs', () => {
    const whole = plain.subarray(0, 65_536);
    const root = whole.readUInt16LE(superblock + 14) * 32;
    const answers = new Set<string>();
    for (const start of [superblock, root]) {
      for (let at = start; at < start + 128; at++) {
        const bytes = Buffer.from(whole);
        bytes[at] = 0xff;
        try {
          answers.add(read(bytes).entries[0]?.path ?? '');
        } catch (error) {
          answers.add((error as Error).message.replace(/\d+/g, 'N'));
        }
      }
    }
    expect([...answers]).toEqual(
      expect.arrayContaining(['/', 'it is no erofs file system', 'the folder of inode N is damaged']),
    );
  });
});

function inodeOf(bytes: Buffer, path: string): number {
  const { entries } = read(bytes);
  return entries.find((entry) => entry.path === path)?.inode ?? 0;
}
