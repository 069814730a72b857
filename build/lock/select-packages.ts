import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import { bundleProgram } from '../rootfs/bundle-program.ts';
import { sliceFiles } from '../rootfs/slice-files.ts';
import { type LockGroup, requestName } from './lock-groups.ts';

/**
 * Of a group's solved packages, those that a build will read: what gives files to the slice, and what was asked for
 * by name (the boot loader's package, say, is read outside of any slice). The rest, mostly what maintainer scripts
 * would need, is never fetched again. Of a service that installs its packages by itself: all.
 */
export async function selectPackages(
  group: LockGroup,
  opened: readonly OpenedPackage[],
): Promise<readonly LockedPackage[]> {
  if (group.isWhole === true) return opened.map(({ locked }) => locked);
  if (group.name === 'kernel') return opened.filter(isKernel).map(({ locked }) => locked);
  const { packages } = await sliceFiles({ parts: group.parts, packages: opened, bundleProgram });
  const giving = new Set(packages.map(({ name }) => name));
  const asked = new Set(group.requests.map(({ name }) => name));
  return opened.map(({ locked }) => locked).filter(({ name }) => giving.has(name) || asked.has(name));
}

/** Before anything is fetched: the kernel's dependencies build an initramfs on the machine, ours is built here. */
export function mayBeSelected(group: LockGroup, { name }: LockedPackage): boolean {
  return group.name !== 'kernel' || /^linux-(image|modules)-/.test(name);
}

function isKernel({ entries }: OpenedPackage): boolean {
  for (const path of entries.keys()) {
    if (path.startsWith('/boot/vmlinuz-') || path.startsWith('/usr/lib/modules/')) return true;
  }
  return false;
}

/** Sorted names of what a group asks for, as the lockfile writes them. */
export function requestedNames(group: LockGroup): string[] {
  return group.requests.map(requestName).sort();
}
