import type { ByteSource, Tree } from '../rootfs/tree.ts';

/** A kernel ready to be composed: its image, and its modules sorted to the two places that need them. */
export interface Kernel {
  /** `uname -r`. */
  readonly release: string;
  readonly image: ByteSource;
  /** Modules (with dependencies, uncompressed) and `modules.*` index files for the root, at /usr/lib/modules/<release>. */
  readonly rootModules: Tree;
  /** In the order in which the initramfs must insert them. */
  readonly initramfsModules: readonly InitramfsModule[];
}

export interface InitramfsModule {
  readonly name: string;
  /**
   * Device aliases (`virtio:d00000002v*`) that want the module or what depends on it; none: it is always inserted. Only
   * `on-demand`: when it is asked for by name.
   */
  readonly patterns: readonly string[];
  readonly content: ByteSource;
}
