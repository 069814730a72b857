import type { Tree, TreeNode } from './tree.ts';

/**
 * A tree as text, one line a path, for tests and for people:
 * `/usr/bin/crun 0755 0:0 file 409600 3f5a… (package crun)`.
 */
export function printTree(tree: Tree, options: { readonly hasOrigins?: boolean } = {}): string {
  return [...tree.keys()]
    .sort()
    .map((path) => {
      const node = tree.get(path) as TreeNode;
      const origin = options.hasOrigins === true ? ` (${node.origin})` : '';
      return `${path} ${describeNode(node)}${origin}`;
    })
    .join('\n');
}

function describeNode(node: TreeNode): string {
  const access = `${node.mode.toString(8).padStart(4, '0')} ${node.uid}:${node.gid}`;
  switch (node.type) {
    case 'folder':
      return `${access} folder`;
    case 'link':
      return `-> ${node.target}`;
    case 'device':
      return `${access} ${node.device} device ${node.major}:${node.minor}`;
    case 'file':
      return `${access} file ${node.content.sizeBytes} ${node.content.sha256.slice(0, 8)}`;
  }
}
