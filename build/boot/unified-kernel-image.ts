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
  /** systemd-boot, and the stub of addons to the command line: from the same locked package as the image's own stub. */
  readonly bootLoader: string;
  readonly addonStub: string;
  /** Packages in it or beside it on the ESP, sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/** What lies on the EFI system partition of a fresh disk, by path as FAT has it. */
export interface BootFiles {
  /** `EFI/BOOT/BOOTX64.EFI` → absolute path of its bytes. Sorted. */
  readonly files: readonly { readonly path: string; readonly source: string; readonly sha256: Sha256 }[];
}
