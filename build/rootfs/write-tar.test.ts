import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { bytesOf } from './byte-source.ts';
import type { ByteSource, Tree, TreeNode } from './tree.ts';
import { writeTar } from './write-tar.ts';

const access = { mode: 0o755, uid: 0, gid: 0, origin: 'test' };
const file = (content: ByteSource, more: Partial<TreeNode> = {}): TreeNode =>
  ({ type: 'file', content, ...access, ...more }) as TreeNode;
const tree: Tree = new Map<string, TreeNode>([
  ['/z', file(bytesOf('shared'))],
  ['/a/empty', file(bytesOf(''))],
  ['/a/none', file(bytesOf(''))],
  ['/a/one', file(bytesOf('shared'))],
  ['/a/other-owner', file(bytesOf('shared'), { uid: 7 })],
  [`/a/${'long/'.repeat(60)}ü`, file(bytesOf('deep'))],
  ['/a', { type: 'folder', ...access }],
  ['/', { type: 'folder', ...access }],
  ['/link', { type: 'link', target: 'a/one', ...access }],
  ['/null', { type: 'device', device: 'character', major: 1, minor: 3, ...access, mode: 0o666 }],
]);

describe('writeTar', () => {
  test('sorted, with hard links for what is the same', async () => {
    const bytes = await buffer(writeTar(tree, { modifiedAt: 1 }));
    const seen: string[] = [];
    const archive = extract();
    archive.end(bytes);
    for await (const entry of archive) {
      const { name, type, mode, uid, size, linkname, mtime, devmajor, devminor } = entry.header;
      expect(mtime?.getTime()).toBe(1000);
      const device = type === 'character-device' ? ` ${devmajor}:${devminor}` : '';
      const target = linkname ? ` -> ${linkname}` : '';
      seen.push(
        `${name.replace(/(long\/)+/, 'long/…/')} ${type} ${mode?.toString(8)} ${uid} ${size}${target}${device}`,
      );
      entry.resume();
    }
    expect(seen.join('\n')).toMatchInlineSnapshot(`
"./ directory 755 0 0
a directory 755 0 0
a/empty file 755 0 0
a/long/…/ü file 755 0 4
a/none file 755 0 0
a/one file 755 0 6
a/other-owner file 755 7 6
link symlink 755 0 0 -> a/one
null character-device 666 0 0 1:3
z link 755 0 0 -> a/one"
`);
  });

  test('the order of the tree and the time of day change no byte', async () => {
    const turned: Tree = new Map([...tree].reverse());
    const one = await buffer(writeTar(tree, { modifiedAt: 1 }));
    expect((await buffer(writeTar(turned, { modifiedAt: 1 }))).equals(one)).toBe(true);
  });

  test('content that is not what it was is refused', async () => {
    const lying: ByteSource = { ...bytesOf('before'), read: async () => Buffer.from('after') };
    await expect(buffer(writeTar(new Map([['/x', file(lying)]]), { modifiedAt: 1 }))).rejects.toThrow(
      'Cannot write /x: the bytes of test are not those that were there at the start of the build',
    );
  });
});
