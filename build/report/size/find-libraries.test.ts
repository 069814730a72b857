import { expect, test } from '@jest/globals';
import { bytesOf } from '../../rootfs/byte-source.ts';
import { fakeElf } from '../../rootfs/testing/fake-elf.ts';
import type { Tree, TreeNode } from '../../rootfs/tree.ts';
import { measureLibraries } from './find-libraries.ts';
import type { RootFile } from './measure-root.ts';
import { addSections, symbolSections } from './testing/fake-sections.ts';

const loader = '/lib64/ld-linux-x86-64.so.2';
const libraries = '/usr/lib/x86_64-linux-gnu';
const service = '/usr/lib/keelson/services/web/rootfs';
const program = (needed: readonly string[], takes: readonly string[] = []) =>
  addSections(fakeElf({ interpreter: loader, needed }), symbolSections({ takes }));
const library = (needed: readonly string[], gives: readonly string[] = [], takes: readonly string[] = []) =>
  addSections(fakeElf({ needed }), symbolSections({ gives, takes }));

/** Each file is 1000 bytes, each further one another 1: sums tell which they are of. */
const contents: readonly (readonly [paths: readonly string[], content: Buffer | string])[] = [
  [['/usr/bin/tool'], program(['libc.so.6', 'libhuge.so.1'], ['huge_one', 'printf'])],
  [[`${service}/usr/bin/web`], program(['libc.so.6'], ['printf'])],
  [
    [`${libraries}/libc.so.6`, `${service}${libraries}/libc.so.6`],
    library(['ld-linux-x86-64.so.2'], ['printf']),
  ],
  [[`${libraries}/ld-linux-x86-64.so.2`, `${service}${libraries}/ld-linux-x86-64.so.2`], library([])],
  [[`${libraries}/libhuge.so.1.2`], library(['libdeep.so', 'libc.so.6'], ['huge_one', 'huge_two'], ['deep'])],
  [['/usr/lib/private/libdeep.so'], library([], ['deep'])],
  [['/usr/share/data'], 'no program'],
];

const tree: Tree = new Map<string, TreeNode>([
  ...['', service].flatMap((root): [string, TreeNode][] => [
    ...['/usr', '/usr/lib', libraries, '/usr/lib64'].map((path): [string, TreeNode] => [
      `${root}${path}`,
      { ...common(), type: 'folder' },
    ]),
    [`${root}/lib64`, { ...common(), type: 'link', target: 'usr/lib64' }],
    [
      `${root}${loader.replace('/lib64', '/usr/lib64')}`,
      { ...common(), type: 'link', target: `..${libraries.slice(8)}/ld-linux-x86-64.so.2` },
    ],
  ]),
  [`${libraries}/libhuge.so.1`, { ...common(), type: 'link', target: 'libhuge.so.1.2' }],
  ...contents.flatMap(([paths, content]) =>
    paths.map((path): [string, TreeNode] => [path, { ...common(), type: 'file', content: bytesOf(content) }]),
  ),
]);

const files: readonly RootFile[] = contents.map(([paths, content], index) => ({
  path: paths[0] as string,
  paths,
  inode: index,
  origin: 'test',
  content: bytesOf(content),
  storedBytes: 1000 + index,
  unpackedBytes: 1000,
}));

test('what each library would save with what only it needs, who needs it, and for which symbols', async () => {
  expect(await measureLibraries(tree, files)).toEqual([
    {
      path: `${libraries}/libhuge.so.1.2`,
      storedBytes: 1004,
      // With the library that lies where only a program's own folders would find it.
      savedBytes: 1004 + 1005,
      savedFiles: 2,
      neededBy: [{ path: '/usr/bin/tool', symbols: ['huge_one'] }],
    },
    {
      path: '/usr/lib/private/libdeep.so',
      storedBytes: 1005,
      savedBytes: 1005,
      savedFiles: 1,
      neededBy: [{ path: `${libraries}/libhuge.so.1.2`, symbols: ['deep'] }],
    },
    {
      path: `${libraries}/ld-linux-x86-64.so.2`,
      storedBytes: 1003,
      savedBytes: 1003,
      savedFiles: 1,
      neededBy: [
        { path: '/usr/bin/tool', symbols: [] },
        { path: `${service}/usr/bin/web`, symbols: [] },
        { path: `${libraries}/libc.so.6`, symbols: [] },
      ],
    },
    {
      path: `${libraries}/libc.so.6`,
      storedBytes: 1002,
      savedBytes: 1002,
      savedFiles: 1,
      neededBy: [
        { path: '/usr/bin/tool', symbols: ['printf'] },
        { path: `${service}/usr/bin/web`, symbols: ['printf'] },
        { path: `${libraries}/libhuge.so.1.2`, symbols: [] },
      ],
    },
  ]);
});

function common() {
  return { mode: 0o755, uid: 0, gid: 0, origin: 'test' };
}
