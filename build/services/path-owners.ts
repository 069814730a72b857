import { mergedUsrPath } from '../debian/merged-usr.ts';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { FileRequest } from './service-definition.ts';

/** Something that wants to decide what is at a path. */
export interface PathOwner {
  readonly path: string;
  /** `the service "sshd"`. */
  readonly owner: string;
  /** None for what the builder itself makes. */
  readonly place?: Place;
  /** Owners that wish the same can share a path. */
  readonly wish?: string;
  /** What is there, when nobody else can have anything below. */
  readonly closedBy?: 'a file' | 'a folder of its own';
}

/** Files that are given, not taken from packages; two folders of one path agree when they are alike. */
export function explicitOwners(files: readonly FileRequest[], owner: string): PathOwner[] {
  return files.flatMap((file): PathOwner[] => {
    const { kind, path, place } = file;
    switch (kind) {
      case 'package':
        return [];
      case 'folder':
        return [{ path, owner, place, wish: `folder ${file.mode} ${file.uid} ${file.gid}` }];
      case 'link':
        return [{ path, owner, place }];
      default:
        return [{ path, owner, place, closedBy: 'a file' }];
    }
  });
}

/** Files that are taken from packages by their very names. */
export function packageOwners(
  files: readonly FileRequest[],
  owner: string,
): (PathOwner & { readonly place: Place })[] {
  return files.flatMap(({ kind, path, place }) =>
    kind === 'package' && !/[*?[\]{}]/.test(path) ? [{ path, owner, place }] : [],
  );
}

/** Reports each path that has a second owner, and each that lies below a file. */
export function checkOwners(owners: readonly PathOwner[], faults: FaultList): void {
  const first = new Map<string, PathOwner>();
  for (const owner of owners) {
    const path = mergedUsrPath(owner.path);
    const earlier = first.get(path);
    if (earlier === undefined) {
      first.set(path, owner);
      continue;
    }
    if (earlier.wish !== undefined && earlier.wish === owner.wish) continue;
    const isSameOwner = earlier.owner === owner.owner;
    const both = isSameOwner
      ? `${owner.owner} names it twice`
      : `${earlier.owner} and ${owner.owner} both do`;
    faults.add({
      code: 'PATH_CLAIMED_TWICE',
      message: `Cannot decide what is at ${owner.path}: ${both}`,
      ...(owner.place === undefined ? {} : { place: owner.place }),
      hint: 'keep one of the two',
    });
  }
  checkBelow(first, faults);
}

/** Each file that has others below it is told once, at the later of the two. */
function checkBelow(first: ReadonlyMap<string, PathOwner>, faults: FaultList): void {
  const order = [...first.values()];
  const told = new Set<PathOwner>();
  for (const [path, owner] of first) {
    const closed = foldersAbove(path)
      .map((folder) => first.get(folder))
      .find((each) => each?.closedBy !== undefined);
    if (closed === undefined || told.has(closed)) continue;
    told.add(closed);
    const { place } = order.indexOf(owner) > order.indexOf(closed) ? owner : closed;
    faults.add({
      code: 'PATH_BELOW_FILE',
      message: `Cannot put ${owner.path} below ${closed.path}: ${closed.owner} has ${closed.closedBy} there`,
      ...(place === undefined ? {} : { place }),
      hint: 'choose another path for one of the two',
    });
  }
}

/** `/etc/a/b` → `/etc/a`, `/etc`. */
function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_part, index) => `/${parts.slice(0, parts.length - index).join('/')}`);
}
