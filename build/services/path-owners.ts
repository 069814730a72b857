import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { FileRequest } from './service-definition.ts';

/** Something that wants to decide what is at a path. */
export interface PathOwner {
  readonly path: string;
  /** `the service "sshd"`. */
  readonly owner: string;
  readonly place: Place;
  /** Owners that wish the same can share a path. */
  readonly wish?: string;
}

/** Files that are given, not taken from packages; two folders of one path agree when they are alike. */
export function explicitOwners(files: readonly FileRequest[], owner: string): PathOwner[] {
  return files.flatMap((file) => {
    const { kind, path, place } = file;
    if (kind === 'package') return [];
    if (kind !== 'folder') return [{ path, owner, place }];
    return [{ path, owner, place, wish: `folder ${file.mode} ${file.uid} ${file.gid}` }];
  });
}

/** Reports each path that has a second owner. */
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
      place: owner.place,
      hint: 'keep one of the two',
    });
  }
}

/** Debian is merged-/usr: /bin/sh and /usr/bin/sh are one path. */
function mergedUsrPath(path: string): string {
  return path.replace(/^\/(bin|sbin|lib|lib64)(?=\/|$)/, '/usr/$1');
}
