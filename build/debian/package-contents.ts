import type { FileNeeds } from '../rootfs/file-needs.ts';
import type { Sha256 } from '../store/store.ts';

/**
 * One member of a package, as `contents.json` holds it: a compact row, because a warm build reads thousands.
 * - folder: `['d', path, mode, uid, gid]`
 * - file: `['f', path, mode, uid, gid, offset, size, sha256, needs]`, offset and size in bytes into `contents.bin`; what it needs
 *   to run is left out when that is nothing
 * - link: `['l', path, mode, uid, gid, target]`
 */
export type MemberRow =
  | readonly ['d', path: string, mode: number, uid: number, gid: number]
  | readonly [
      'f',
      path: string,
      mode: number,
      uid: number,
      gid: number,
      offset: number,
      size: number,
      sha256: Sha256,
      needs?: FileNeeds,
    ]
  | readonly ['l', path: string, mode: number, uid: number, gid: number, target: string];

/** `contents.json` beside `contents.bin`, the contents of all files one after another. */
export interface PackageContents {
  readonly control: Readonly<Record<string, string>>;
  /** Sorted by path. */
  readonly members: readonly MemberRow[];
}

export const contentsFile = 'contents.json';
export const contentsDataFile = 'contents.bin';
