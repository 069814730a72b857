import { zstdCompressSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writeCpio } from '../../boot/cpio-archive.ts';
import { bytesOf } from '../../rootfs/byte-source.ts';
import type { TreeNode } from '../../rootfs/tree.ts';
import { readInitramfs, zstdFrameBytes } from './read-initramfs.ts';

const common = { uid: 0, gid: 0, origin: 'test' };
const file = (content: string | Buffer): TreeNode => ({
  ...common,
  type: 'file',
  mode: 0o644,
  content: bytesOf(content),
});
const noise = Buffer.from(
  Array.from({ length: 4000 }, (_, index) => (index * index * 7919 + (index >> 3)) & 255),
);

let packed: Buffer;
let parameters: Buffer;
beforeAll(async () => {
  packed = zstdCompressSync(
    await writeCpio(
      new Map<string, TreeNode>([
        ['/bin', { ...common, type: 'link', mode: 0o777, target: 'usr/bin' }],
        ['/empty', file('')],
        ['/noise', file(noise)],
        ['/same', file('a'.repeat(4000))],
        ['/usr', { ...common, type: 'folder', mode: 0o755 }],
      ]),
    ),
  );
  parameters = await writeCpio(new Map([['/root.env', file('ROOT_HASH=1\n')]]));
});

describe('an initramfs', () => {
  test('files of all its archives; those of a compressed one share exactly what it takes', () => {
    const files = readInitramfs(Buffer.concat([packed, Buffer.alloc(3), parameters, Buffer.alloc(8)]));
    expect(files.map(({ path, unpackedBytes, isPortion }) => [path, unpackedBytes, isPortion])).toEqual([
      ['/empty', 0, true],
      ['/noise', 4000, true],
      ['/same', 4000, true],
      ['/root.env', 12, undefined],
    ]);
    const stored = new Map(files.map(({ path, storedBytes }) => [path, storedBytes]));
    expect(stored.get('/root.env')).toBe(12);
    expect(stored.get('/empty')).toBe(0);
    expect((stored.get('/noise') ?? 0) + (stored.get('/same') ?? 0)).toBe(packed.length);
    expect(stored.get('/noise')).toBeGreaterThan(10 * (stored.get('/same') ?? 0));
  });

  test('a frame ends where the next archive begins, whatever is in it', () => {
    const contents = [
      Buffer.alloc(0),
      Buffer.alloc(300_000),
      noise,
      Buffer.from('x'),
      Buffer.concat([noise, noise]),
    ];
    for (const content of contents) {
      const frame = zstdCompressSync(content);
      expect(zstdFrameBytes(Buffer.concat([frame, parameters]))).toBe(frame.length);
      expect(() => zstdFrameBytes(frame.subarray(0, -1))).toThrow('ends in the middle of a zstd frame');
    }
    expect(zstdFrameBytes(parameters)).toBeUndefined();
  });

  test.each([
    ['something else', () => Buffer.from('\x1f\x8b gzip, say'), 'something unknown at 0'],
    ['an archive that is cut', () => parameters.subarray(0, 60), 'the initramfs is damaged at 0'],
    ['an archive without its end', () => parameters.subarray(0, -150), 'the initramfs'],
  ])('%s is refused', (_name, make, message) => {
    expect(() => readInitramfs(make())).toThrow(message);
  });
});
