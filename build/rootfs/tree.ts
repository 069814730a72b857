import type { Sha256 } from '../store/store.ts';
import type { FileNeeds } from './file-needs.ts';

/** Bytes with a known digest, read only when they are needed. */
export interface ByteSource {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  /** Where it was looked at before: nobody has to read it again for that. */
  readonly needs?: FileNeeds;
  read(): Promise<Buffer>;
}

interface NodeCommon {
  /** Permission bits, such as 0o755. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Who put it there, for messages, sizes and the bill of materials: `package openssh-server`, `service sshd`, `recipe`. */
  readonly origin: string;
}

export type TreeNode =
  | (NodeCommon & { readonly type: 'folder' })
  | (NodeCommon & { readonly type: 'file'; readonly content: ByteSource })
  | (NodeCommon & { readonly type: 'link'; readonly target: string })
  | (NodeCommon & {
      readonly type: 'device';
      readonly device: 'character' | 'block';
      readonly major: number;
      readonly minor: number;
    });

/**
 * A file system as data. Keys are absolute, normalised paths without a trailing slash (`/usr/bin/crun`; the root is
 * `/`); `/bin`, `/sbin`, `/lib`, `/lib64` are always links into `/usr` (merged-/usr). Insertion order has no meaning:
 * writers sort.
 */
export type Tree = ReadonlyMap<string, TreeNode>;
