import { espLayout } from '../contract/machine-layout.ts';
import type { LockedPackage } from '../debian/package.ts';
import type { Sha256 } from '../store/store.ts';

/** A PE file of kernel, initramfs (with the root hash), command line and os-release; the same for both slots. */
export interface UnifiedKernelImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly kernelBytes: number;
  readonly initramfsBytes: number;
  readonly commandLine: string;
  /** Packages in it or beside it on the ESP, sorted by name. */
  readonly packages: readonly LockedPackage[];
}

export interface BootFile {
  /** As FAT has it, such as `EFI/BOOT/BOOTX64.EFI`. */
  readonly path: string;
  /** Absolute path of its bytes. */
  readonly source: string;
  readonly sha256: Sha256;
}

/** What lies on the EFI system partition but for the kernel images; the machine's root has it too. Sorted by path. */
export interface LoaderFiles {
  readonly files: readonly BootFile[];
}

/** What lies on the EFI system partition of a fresh disk. Sorted by path. */
export interface BootFiles {
  readonly files: readonly BootFile[];
}

/** With the unified kernel image as that of slot a. */
export function addKernel(
  { files }: LoaderFiles,
  uki: Pick<UnifiedKernelImage, 'path' | 'sha256'>,
): BootFiles {
  const kernel = { path: espLayout.kernel.a, source: uki.path, sha256: uki.sha256 };
  return { files: [...files, kernel].sort((one, other) => (one.path < other.path ? -1 : 1)) };
}
