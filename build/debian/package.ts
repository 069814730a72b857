import type { ByteSource, TreeNode } from '../rootfs/tree.ts';
import type { Sha256 } from '../store/store.ts';

/** Debian's name of an architecture. */
export type DebianArchitecture = 'amd64' | 'arm64';

/** `debian` is the main archive, `debian-security` the security archive; mirrors carry both side by side. */
export type ArchiveName = 'debian' | 'debian-security';

/** One binary package of an archive, as a lockfile names it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: DebianArchitecture | 'all';
  readonly archive: ArchiveName;
  readonly suite: string;
  /** Path below the archive's root, such as `pool/main/c/crun/crun_1.21-1_amd64.deb`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}

/** A fetched, verified and indexed package; file contents are read lazily from the store. */
export interface OpenedPackage {
  readonly locked: LockedPackage;
  /** The control stanza's fields, names as Debian writes them. */
  readonly control: Readonly<Record<string, string>>;
  /** The .deb file itself. */
  readonly file: ByteSource;
  /** Paths normalised to merged-/usr; hard links resolved to files with the same content. */
  readonly entries: ReadonlyMap<string, TreeNode>;
}
