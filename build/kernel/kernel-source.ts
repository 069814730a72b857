import type { OpenedPackage } from '../debian/package.ts';
import type { PackageSet } from '../debian/package-set.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { ByteSource } from '../rootfs/tree.ts';

/** Debian's package of a kernel's source, with their patches. */
export interface KernelSource {
  readonly package: OpenedPackage;
  /** `linux-source-6.12.tar.xz`; one folder of the same name is in it. */
  readonly archive: ByteSource;
  readonly name: string;
}

const archivePattern = /^\/usr\/src\/(linux-source-[0-9.]+)\.tar\.xz$/;

export function isKernelSource({ entries }: OpenedPackage): boolean {
  return [...entries.keys()].some((path) => archivePattern.test(path));
}

/** Throws KERNEL_SOURCE_MISSING. */
export function findKernelSource(packages: PackageSet, recipe: Recipe): KernelSource {
  for (const opened of packages.group('kernel')) {
    for (const [path, node] of opened.entries) {
      const name = archivePattern.exec(path)?.[1];
      if (name !== undefined && node.type === 'file') return { package: opened, archive: node.content, name };
    }
  }
  throw new KeelsonError({
    code: 'KERNEL_SOURCE_MISSING',
    class: 'input',
    message: `Cannot compile the kernel: ${recipe.kernel.package.name} has no source in /usr/src`,
    place: recipe.place,
    hint: 'Name a package of Debian with a kernel\'s source, such as "linux-source-6.12", and run "keelson lock" again.',
  });
}
