import type { TreeNode } from './tree.ts';

/** Debian's merged /usr: these are links in every root (base-files, since trixie). */
export const mergedUsrLinks = {
  '/bin': 'usr/bin',
  '/sbin': 'usr/sbin',
  '/lib': 'usr/lib',
  '/lib64': 'usr/lib64',
} as const satisfies Readonly<Record<string, string>>;

/** `/bin/sh` → `/usr/bin/sh`; other paths stay as they are. */
export function toMergedUsr(path: string): string {
  return /^\/(bin|sbin|lib|lib64)\//.test(path) ? `/usr${path}` : path;
}

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
