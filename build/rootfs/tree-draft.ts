import { posix } from 'node:path';
import { KeelsonError, type Place } from '../errors/keelson-error.ts';
import type { Tree, TreeNode } from './tree.ts';

/**
 * How much somebody wants a path to be just so. `implied`: a parent folder. `drawn`: matched by a pattern or needed by
 * another file. `asked`: named by its exact path. The stronger wins; equals must agree.
 */
export type Claim = 'implied' | 'drawn' | 'asked';

const strengths = { implied: 0, drawn: 1, asked: 2 } as const satisfies Record<Claim, number>;

/** A tree in the making, in which no two owners can silently want different things at one path. */
export class TreeDraft {
  readonly #nodes = new Map<string, { readonly node: TreeNode; readonly claim: Claim }>();
  readonly #folderAt: (path: string) => TreeNode | undefined;

  /** `folderAt` knows the modes and owners of parent folders (a package's); 0755 root where it has no answer. */
  constructor(folderAt: (path: string) => TreeNode | undefined = () => undefined) {
    this.#folderAt = folderAt;
  }

  get(path: string): TreeNode | undefined {
    return this.#nodes.get(path)?.node;
  }

  /** Adds a node and its parent folders; PATH_CONFLICT when an equal claim wants something else there. */
  put(path: string, node: TreeNode, claim: Claim, place?: Place): void {
    this.#putParents(path, node, place);
    const present = this.#nodes.get(path);
    if (present === undefined) {
      this.#nodes.set(path, { node, claim });
      return;
    }
    const isStronger = strengths[claim] > strengths[present.claim];
    if (isSameNode(present.node, node)) {
      if (isStronger) this.#nodes.set(path, { node: present.node, claim });
      return;
    }
    const isFolderInvolved = (present.node.type === 'folder') !== (node.type === 'folder');
    if (isFolderInvolved || strengths[claim] === strengths[present.claim]) {
      throw pathConflict(path, present.node, node, place);
    }
    if (isStronger) this.#nodes.set(path, { node, claim });
  }

  /** Paths that are not in `seen`, sorted. */
  unseen(seen: ReadonlySet<string>): readonly string[] {
    return [...this.#nodes.keys()].filter((path) => !seen.has(path)).sort();
  }

  finish(): Tree {
    return new Map([...this.#nodes].map(([path, { node }]) => [path, node]));
  }

  #putParents(path: string, child: TreeNode, place: Place | undefined): void {
    if (path === '/') return;
    const parent = posix.dirname(path);
    const present = this.#nodes.get(parent)?.node;
    if (present?.type === 'folder') return;
    if (present !== undefined) {
      throw pathConflict(
        parent,
        present,
        { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin: child.origin },
        place,
      );
    }
    const known = this.#folderAt(parent);
    const folder: TreeNode =
      known?.type === 'folder'
        ? known
        : { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin: child.origin };
    this.put(parent, folder, 'implied', place);
  }
}

/** Equal in everything that reaches the machine; who put it there does not. */
export function isSameNode(one: TreeNode, other: TreeNode): boolean {
  return describeIdentity(one) === describeIdentity(other);
}

/** All of a node that reaches the machine, as one line. */
export function describeIdentity(node: TreeNode): string {
  const access = `${node.mode.toString(8)} ${node.uid} ${node.gid}`;
  switch (node.type) {
    case 'folder':
      return `folder ${access}`;
    case 'link':
      return `link ${node.target}`;
    case 'device':
      return `device ${access} ${node.device} ${node.major} ${node.minor}`;
    case 'file':
      return `file ${access} ${node.content.sha256}`;
  }
}

function pathConflict(
  path: string,
  present: TreeNode,
  added: TreeNode,
  place: Place | undefined,
): KeelsonError {
  const isModeOnly =
    present.type === added.type &&
    (present.type === 'folder' || (present.type === 'file' && hasSameContent(present, added)));
  const show = (node: TreeNode) =>
    isModeOnly
      ? `${node.origin} (mode ${node.mode.toString(8).padStart(4, '0')}, owner ${node.uid}:${node.gid})`
      : `${node.origin} (a ${node.type})`;
  return new KeelsonError({
    code: 'PATH_CONFLICT',
    class: 'input',
    message: `Cannot put two different things at ${path}: ${show(present)} and ${show(added)}`,
    ...(place === undefined ? {} : { place }),
    hint: `give one of them another path, or remove it from ${added.origin}`,
  });
}

function hasSameContent(one: TreeNode, other: TreeNode): boolean {
  return one.type === 'file' && other.type === 'file' && one.content.sha256 === other.content.sha256;
}
