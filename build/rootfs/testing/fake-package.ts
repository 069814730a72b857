import { posix } from 'node:path';
import type { OpenedPackage } from '../../debian/package.ts';
import { bytesOf } from '../byte-source.ts';
import type { TreeNode } from '../tree.ts';

/** Text or bytes are a file (0755), `-> x` a link, `folder` a folder. */
export type FakeEntries = Readonly<Record<string, string | Buffer>>;

/** A package in memory; parent folders come by themselves, as in a real one. */
export function fakePackage(name: string, entries: FakeEntries): OpenedPackage {
  const access = { uid: 0, gid: 0, origin: `package ${name}` };
  const nodeOf = (content: string | Buffer): TreeNode => {
    if (content === 'folder') return { type: 'folder', mode: 0o755, ...access };
    if (typeof content === 'string' && content.startsWith('-> ')) {
      return { type: 'link', target: content.slice(3), mode: 0o777, ...access };
    }
    return { type: 'file', content: bytesOf(content), mode: 0o755, ...access };
  };
  return {
    locked: {
      name,
      version: '1.0-1',
      architecture: 'amd64',
      archive: 'debian',
      suite: 'trixie',
      path: `pool/main/${name}.deb`,
      sizeBytes: 1,
      sha256: '0'.repeat(64),
    },
    control: {
      Package: name,
      Version: '1.0-1',
      Architecture: 'amd64',
      Maintainer: 'Debian',
      Description: name,
    },
    file: bytesOf(`the package ${name}`),
    entries: new Map([
      ...Object.keys(entries)
        .flatMap(parentsOf)
        .map((path) => [path, nodeOf('folder')] as const),
      ...Object.entries(entries).map(([path, content]) => [path, nodeOf(content)] as const),
    ]),
  };
}

function parentsOf(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '/' ? [] : [...parentsOf(parent), parent];
}
