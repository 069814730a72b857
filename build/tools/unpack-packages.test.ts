import { mkdtemp, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { debOf, type Entry } from '../debian/deb-fixtures.ts';
import { makeTree } from './make-tree.ts';
import { unpackPackages } from './unpack-packages.ts';

async function unpack(packages: readonly (readonly Entry[])[], omitted = '/none'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tree-'));
  const paths = await Promise.all(packages.map((entries) => debOf(entries)));
  await unpackPackages(paths, folder, (path) => path.startsWith(omitted));
  return folder;
}

const listing = async (folder: string) =>
  (await readdir(folder, { recursive: true })).map((name) => `/${name}`).sort();

describe('unpacking packages', () => {
  test('makes one tree with merged-/usr, without what nobody wants', async () => {
    const tree = await unpack(
      [
        [
          { name: './', type: 'directory' },
          { name: './bin/', type: 'directory' },
          { name: './bin/tool', mode: 0o4755, text: 'tool' },
          { name: './bin/twin', type: 'link', linkname: './bin/tool' },
        ],
        [
          { name: './usr/bin/alias', type: 'symlink', linkname: 'tool' },
          { name: './usr/share/doc/x', text: 'long' },
          { name: './dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
        ],
      ],
      '/usr/share/doc/',
    );
    expect(await listing(tree)).toEqual([
      '/usr',
      '/usr/bin',
      '/usr/bin/alias',
      '/usr/bin/tool',
      '/usr/bin/twin',
    ]);
    expect(await readlink(join(tree, 'usr/bin/alias'))).toBe('tool');
    expect(await readFile(join(tree, 'usr/bin/twin'), 'utf8')).toBe('tool');
    // Nobody gets rights by running a tool.
    expect((await stat(join(tree, 'usr/bin/tool'))).mode & 0o7777).toBe(0o555);
  });

  test.each<[string, Entry[][], string]>([
    [
      'a file through a link that leads out of the tree',
      [
        [
          { name: './etc', type: 'symlink', linkname: '/etc' },
          { name: './etc/passwd', text: 'x' },
        ],
      ],
      '/etc is already there, as something else',
    ],
    [
      'a file over a link',
      [
        [
          { name: './x', type: 'symlink', linkname: '/etc/passwd' },
          { name: './x', text: 'x' },
        ],
      ],
      '/x is already there, as something else',
    ],
    [
      'a hard link to what the tree does not have',
      [[{ name: './x', type: 'link', linkname: './etc/shadow' }]],
      '/etc/shadow is linked to and not there',
    ],
    [
      'two packages with one file',
      [[{ name: './x' }], [{ name: './x' }]],
      '/x is already there, as something else',
    ],
  ])('refuses %s', async (_name, packages, reason) => {
    await expect(unpack(packages)).rejects.toMatchObject({
      code: 'TOOLS_CLASH',
      message: expect.stringMatching(new RegExp(`^Cannot unpack .*: ${reason}$`)) as unknown as string,
    });
  });

  test('a tree has what maintainer scripts would have made', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tree-'));
    await makeTree([await debOf([{ name: './usr/bin/tool', text: '' }])], [], folder);
    expect(await readdir(folder)).toEqual(['root', 'tree']);
    expect(await readFile(join(folder, 'tree/etc/passwd'), 'utf8')).toMatch(/^root:.*\nnobody:.*\n$/);
  });
});
