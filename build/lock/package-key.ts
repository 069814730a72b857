import type { LockedPackage } from '../debian/package.ts';

/** The name of a package in a lockfile: `name_version_architecture`. */
export function packageKey({ name, version, architecture }: LockedPackage): string {
  return `${name}_${version}_${architecture}`;
}
