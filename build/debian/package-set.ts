import type { OpenedPackage } from './package.ts';

/** All packages of a lockfile, fetched, verified and indexed; nothing after this needs a network. */
export interface PackageSet {
  /** Packages of one group of the lockfile: `base`, `kernel`, `service/<name>`. */
  group(name: string): readonly OpenedPackage[];
}
