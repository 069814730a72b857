import { createHash } from 'node:crypto';
import type { Sha256 } from '../store/store.ts';
import type { Tree, TreeNode } from './tree.ts';
import { describeIdentity } from './tree-draft.ts';

/** The digest of all of a tree that reaches the machine; who put it there is left out. */
export function digestTree(tree: Tree): Sha256 {
  const hash = createHash('sha256');
  for (const path of [...tree.keys()].sort()) {
    hash.update(`${JSON.stringify(path)} ${describeIdentity(tree.get(path) as TreeNode)}\n`);
  }
  return hash.digest('hex');
}
