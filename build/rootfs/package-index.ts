import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { TreeNode } from './tree.ts';
import { isSameNode } from './tree-draft.ts';

/** What one path of a group of packages is, and who has it. */
export interface PackagedNode {
  readonly node: TreeNode;
  readonly locked: LockedPackage;
}

/** All paths of a group of packages, as if all were installed. */
export class PackageIndex {
  readonly packageNames: readonly string[];
  readonly #owners = new Map<string, readonly OpenedPackage[]>();
  #sortedPaths: readonly string[] | undefined;

  constructor(packages: readonly OpenedPackage[]) {
    const sorted = [...packages].sort((one, other) => (one.locked.name < other.locked.name ? -1 : 1));
    this.packageNames = sorted.map((each) => each.locked.name);
    for (const each of sorted) {
      for (const path of each.entries.keys()) {
        this.#owners.set(path, [...(this.#owners.get(path) ?? []), each]);
      }
    }
  }

  has(path: string): boolean {
    return this.#owners.has(path);
  }

  /** PATH_CONFLICT when two packages have different files there. */
  get(path: string): PackagedNode | undefined {
    const owners = this.#owners.get(path);
    const [first, ...others] = owners ?? [];
    const node = first?.entries.get(path);
    if (first === undefined || node === undefined) return undefined;
    const rival = others.find((other) => {
      const theirs = other.entries.get(path);
      return theirs !== undefined && theirs.type !== 'folder' && !isSameNode(theirs, node);
    });
    if (rival !== undefined) {
      throw new KeelsonError({
        code: 'PATH_CONFLICT',
        class: 'input',
        message: `Cannot take ${path}: package ${first.locked.name} and package ${rival.locked.name} have different files there`,
        hint: 'ask for only one of the two packages',
      });
    }
    return { node, locked: first.locked };
  }

  /** All paths, sorted. */
  get paths(): readonly string[] {
    this.#sortedPaths ??= [...this.#owners.keys()].sort();
    return this.#sortedPaths;
  }
}
