import type { LockedPackage } from '../debian/package.ts';

/** The part of the initramfs that stays the same while only the root changes, and the EFI programs of the same group. */
export interface Initramfs {
  /** Compressed cpio. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly kernelStub: EfiProgram;
  readonly addonStub: EfiProgram;
  readonly bootLoader: EfiProgram;
  readonly packages: readonly LockedPackage[];
}

export interface EfiProgram {
  readonly path: string;
  readonly sha256: string;
}
