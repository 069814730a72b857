import type { LockedPackage } from '../debian/package.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import type { Sha256 } from '../store/store.ts';

/** Format version of `recipe.lock.json`; a reader refuses any other. */
export const lockfileFormat = 1;

/**
 * A group of packages solved together, so that no group's choice (busybox or busybox-static) is another's fault:
 * `base` (root file system layers), `initramfs`, `kernel`, and `service/<name>`.
 */
export interface LockedGroup {
  /** What was asked for: `name` or `name/suite`, sorted. */
  readonly requested: readonly string[];
  /** Keys into `Lockfile.packages`, sorted: only packages that give files or were asked for by name. */
  readonly packages: readonly string[];
}

export interface Lockfile {
  readonly format: typeof lockfileFormat;
  readonly recipe: string;
  /** Digest of all that locking reads of the recipe and its services; `keelson lock --check` compares it. */
  readonly requestDigest: Sha256;
  /** By suite: the date of its InRelease, ISO 8601; the newest is also the date used for the dated snapshot archive. */
  readonly archives: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, LockedGroup>>;
  /** By the name of the service, or `container/NAME`, `compose/PROJECT/SERVICE`; left out when there is none. */
  readonly images?: Readonly<Record<string, LockedImage>>;
  /** By `name_version_architecture`. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}
