import type { OpenedPackage } from './package.ts';

/** All packages of a lockfile, fetched, verified and indexed; nothing after this needs a network. */
export interface PackageSet {
  /** ISO 8601: the newest date of the lockfile's archives. The machine's build time, so that no clock is read. */
  readonly archiveDate: string;
  /** Packages of one group of the lockfile: `base`, `kernel`, `service/<name>`. */
  group(name: string): readonly OpenedPackage[];
}
