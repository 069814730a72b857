import type { TreeNode } from './tree.ts';

/** Debian's merged /usr: these are links in every root (base-files, since trixie). */
const mergedUsrLinks = {
  '/bin': 'usr/bin',
  '/sbin': 'usr/sbin',
  '/lib': 'usr/lib',
  '/lib64': 'usr/lib64',
} as const satisfies Readonly<Record<string, string>>;

/** The links themselves and the folders that they name. */
export function mergedUsrNodes(): ReadonlyMap<string, TreeNode> {
  const common = { uid: 0, gid: 0, origin: 'builder' } as const;
  return new Map(
    Object.entries(mergedUsrLinks).flatMap(([path, target]): [string, TreeNode][] => [
      [path, { type: 'link', target, mode: 0o777, ...common }],
      [`/${target}`, { type: 'folder', mode: 0o755, ...common }],
    ]),
  );
}
