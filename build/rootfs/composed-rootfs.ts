import type { LockedPackage } from '../debian/package.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import type { Tree } from './tree.ts';

/** The whole root file system as data: base layers, kernel modules, device programs, services. */
export interface ComposedRootfs {
  readonly tree: Tree;
  readonly bundles: readonly OciBundle[];
  /** Packages that gave at least one file, sorted by name. */
  readonly packages: readonly LockedPackage[];
  /** Bytes of file content by part (`base`, `kernel modules`, `programs`, `service sshd`); content shared by several parts counts to the first. */
  readonly sizes: readonly {
    readonly part: string;
    readonly sizeBytes: number;
    readonly fileCount: number;
  }[];
}
