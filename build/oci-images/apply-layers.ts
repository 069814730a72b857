import { posix } from 'node:path';
import type { ByteSource, Tree, TreeNode } from '../rootfs/tree.ts';
import type { LayerRow } from './layer-contents.ts';
import { LayerFault } from './read-layer.ts';

/** A layer's rows, and the bytes of its files. */
export interface AppliedLayer {
  readonly rows: readonly LayerRow[];
  contentAt(offset: number, sizeBytes: number, sha256: string): ByteSource;
}

/** As the kernel does it; path_resolution(7), ELOOP. */
const mostLinks = 40;
/** PATH_MAX, with room for where services lie on the machine. */
const longestPath = 3800;

/**
 * Lays layers over each other, the lowest first, as the image specification says and containerd does: whiteouts hide what lower
 * layers have, a folder over a folder keeps what is in it, anything else replaces. Paths lead through links of the tree itself.
 */
export function applyLayers(layers: readonly AppliedLayer[], origin: string): Tree {
  const tree = new LayeredTree(origin);
  for (const layer of layers) {
    // A whiteout has no say about its own layer, wherever it stands in the archive.
    for (const row of layer.rows) {
      if (row[0] === 'gone') tree.remove(row[1]);
      if (row[0] === 'emptied') tree.empty(row[1]);
    }
    for (const row of layer.rows) applyRow(tree, layer, row, origin);
  }
  return tree.finish();
}

function applyRow(tree: LayeredTree, layer: AppliedLayer, row: LayerRow, origin: string): void {
  switch (row[0]) {
    case 'folder':
      tree.putFolder(row[1], { type: 'folder', mode: row[2], uid: row[3], gid: row[4], origin });
      break;
    case 'file': {
      const [, path, mode, uid, gid, offset, sizeBytes, sha256] = row;
      const content = layer.contentAt(offset, sizeBytes, sha256);
      tree.put(path, { type: 'file', mode, uid, gid, origin, content });
      break;
    }
    case 'link':
      tree.put(row[1], { type: 'link', mode: row[2], uid: row[3], gid: row[4], target: row[5], origin });
      break;
    case 'name': {
      const node = tree.get(row[2]);
      if (node === undefined || node.type === 'folder') {
        throw new LayerFault(`${row[1]} is another name of ${row[2]}, which is no file`);
      }
      tree.put(row[1], node);
      break;
    }
    case 'omitted':
      tree.remove(row[1]);
      break;
  }
}

type Folder = Map<string, Branch>;

/** A node, and what is in it when it is a folder: removing a folder takes all below with it. */
interface Branch {
  node: TreeNode;
  readonly children: Folder;
}

class LayeredTree {
  readonly #origin: string;
  readonly #root: Branch;

  constructor(origin: string) {
    this.#origin = origin;
    this.#root = branch(this.#plainFolder());
  }

  get(path: string): TreeNode | undefined {
    return this.#find(path)?.node;
  }

  put(path: string, node: TreeNode): void {
    if (path === '/') throw new LayerFault('its root is no folder');
    this.#folderOf(path).set(posix.basename(path), branch(node));
  }

  /** What is in a folder stays in it. */
  putFolder(path: string, node: TreeNode): void {
    if (path === '/') {
      this.#root.node = node;
      return;
    }
    const siblings = this.#folderOf(path);
    const present = siblings.get(posix.basename(path));
    if (present?.node.type === 'folder') present.node = node;
    else siblings.set(posix.basename(path), branch(node));
  }

  remove(path: string): void {
    if (path !== '/') this.#find(posix.dirname(path))?.children.delete(posix.basename(path));
  }

  empty(path: string): void {
    this.#find(path)?.children.clear();
  }

  finish(): Tree {
    const nodes = new Map<string, TreeNode>();
    const add = (path: string, { node, children }: Branch): void => {
      if (path.length > longestPath)
        throw new LayerFault(`a path in it has more than ${longestPath} characters`);
      nodes.set(path, node);
      for (const [name, child] of children) add(posix.join(path, name), child);
    };
    add('/', this.#root);
    return nodes;
  }

  /** Its last part is not followed when it is a link. */
  #find(path: string): Branch | undefined {
    if (path === '/') return this.#root;
    return this.#walk(posix.dirname(path), false)?.children.get(posix.basename(path));
  }

  /** The folder that a path's last part lies in; made when it is missing. */
  #folderOf(path: string): Folder {
    const parent = this.#walk(posix.dirname(path), true);
    if (parent === undefined || parent.node.type !== 'folder') {
      throw new LayerFault(`${path} lies below something that is no folder`);
    }
    return parent.children;
  }

  #walk(path: string, isMade: boolean): Branch | undefined {
    let above: Branch[] = [this.#root];
    let rest = path.split('/').filter((part) => part !== '');
    let links = 0;
    while (rest.length > 0) {
      const [name = '', ...others] = rest;
      rest = others;
      const here = above.at(-1) as Branch;
      if (name === '.') continue;
      if (name === '..') {
        if (above.length > 1) above = above.slice(0, -1);
        continue;
      }
      let next = here.children.get(name);
      if (next === undefined && isMade && here.node.type === 'folder') {
        next = branch(this.#plainFolder());
        here.children.set(name, next);
      }
      if (next === undefined) return undefined;
      if (next.node.type === 'link') {
        links += 1;
        if (links > mostLinks) throw new LayerFault(`${path} leads through too many links`);
        const { target } = next.node;
        rest = [...target.split('/').filter((part) => part !== ''), ...rest];
        if (target.startsWith('/')) above = [this.#root];
      } else above = [...above, next];
    }
    return above.at(-1);
  }

  #plainFolder(): TreeNode {
    return { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin: this.#origin };
  }
}

function branch(node: TreeNode): Branch {
  return { node, children: new Map() };
}
