import type { LockedPackage } from '../debian/package.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import type { OpenedImage } from '../oci-images/open-image.ts';
import type { ByteSource, Tree } from '../rootfs/tree.ts';
import type { ServiceDefinition } from './service-definition.ts';

/** OCI runtime-spec `config.json` as data; a test checks it against the published schema. */
export type OciConfig = Readonly<Record<string, unknown>> & { readonly ociVersion: string };

/** A system service compiled for the machine. */
export interface OciBundle {
  readonly service: ServiceDefinition;
  readonly config: OciConfig;
  /** Its root file system, paths relative to the container's `/`. */
  readonly root: Tree;
  /** Packages that gave at least one file to the root, sorted by name. */
  readonly packages: readonly LockedPackage[];
  /** What the root was taken from instead of packages. */
  readonly image?: Pick<OpenedImage, 'locked' | 'facts'>;
  /** Of users' containers, in its root for its engine. */
  readonly builtInImages: readonly LockedImage[];
  /** Text of /etc/finit.d/<name>.conf. */
  readonly stanza: string;
  /** Its AppArmor policy as the kernel takes it; `undefined`: it has none. */
  readonly policy: ByteSource | undefined;
}
