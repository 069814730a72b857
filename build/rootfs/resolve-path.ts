import type { TreeNode } from './tree.ts';

export interface ResolvedPath {
  /** Links passed on the way, in order. */
  readonly links: readonly string[];
  /** Where the way ends; `undefined` when nothing is there. */
  readonly path: string | undefined;
}

/** As the kernel does it; path_resolution(7), ELOOP. */
const mostLinks = 40;

/** A path with the links among its parents followed, as far as those are there. */
export function followParents(path: string, lookUp: (path: string) => TreeNode | undefined): string {
  const slash = path.lastIndexOf('/');
  if (slash <= 0) return path;
  const parent = path.slice(0, slash);
  const resolved = resolvePath(parent, lookUp).path;
  const above = resolved ?? followParents(parent, lookUp);
  return `${above === '/' ? '' : above}${path.slice(slash)}`;
}

/** Follows a path link by link through whatever `lookUp` knows, as the machine will. */
export function resolvePath(path: string, lookUp: (path: string) => TreeNode | undefined): ResolvedPath {
  const links: string[] = [];
  let rest = path.split('/');
  let current = '';
  while (rest.length > 0) {
    const [component = '', ...others] = rest;
    rest = others;
    if (component === '' || component === '.') continue;
    if (component === '..') {
      current = current.slice(0, Math.max(0, current.lastIndexOf('/')));
      continue;
    }
    const next = `${current}/${component}`;
    const node = lookUp(next);
    if (node?.type === 'link') {
      links.push(next);
      if (links.length > mostLinks) return { links, path: undefined };
      if (node.target.startsWith('/')) current = '';
      rest = [...node.target.split('/'), ...rest];
      continue;
    }
    if (node === undefined || (node.type !== 'folder' && rest.some((each) => each !== ''))) {
      return { links, path: undefined };
    }
    current = next;
  }
  return { links, path: current === '' ? '/' : current };
}
