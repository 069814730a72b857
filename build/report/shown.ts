import type { SlotTrailer } from '../contract/slot-layout.ts';
import type { PartitionExtent } from '../disk/disk-image.ts';
import type { Privilege } from '../services/privileges.ts';
import type { SignerCertificate } from '../update/read-signature.ts';

/** What `keelson show` tells of a recipe, as `--json` prints it. */
export interface ShownRecipe {
  readonly subject: 'recipe';
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly architecture: string;
  readonly rootHash: string;
  readonly kernelRelease: string;
  readonly commandLine: string;
  /** What is stored and transferred: compressed. */
  readonly images: readonly ShownSize[];
  /** What is in the root, before compression, by who brings it. */
  readonly parts: readonly (ShownSize & { readonly fileCount: number })[];
  readonly packages: readonly { readonly name: string; readonly version: string; readonly suite: string }[];
  readonly services: readonly ShownService[];
  readonly partitions: readonly PartitionExtent[];
}

export interface ShownSize {
  readonly part: string;
  readonly sizeBytes: number;
}

export interface ShownService {
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly user: string;
  readonly memoryBytes: number;
  readonly pids: number;
  readonly ports: readonly string[];
  readonly writable: readonly string[];
  readonly needs: readonly string[];
  /** What its root is from instead of packages, and the digest. */
  readonly image?: string;
  /** What else is to be known of that, in words. */
  readonly imageFacts: readonly string[];
  /** Users' containers that it starts at boot, and what each is made from. */
  readonly starts?: readonly string[];
  /** Its users are nobody on the machine. */
  readonly hasOwnUsers: boolean;
  /** Everything it has beyond the default confinement. */
  readonly privileges: readonly Privilege[];
  /** 0: as confined as can be; 100: it is the machine's administrator. */
  readonly exposure: number;
  /** Its definition file: who asked for them. */
  readonly definition: string;
}

/** What `keelson show` tells of a disk. */
export interface ShownDisk {
  readonly subject: 'disk';
  readonly path: string;
  readonly sizeBytes: number;
  readonly diskGuid: string;
  readonly partitions: readonly PartitionExtent[];
  readonly slots: readonly ShownSlot[];
  /** Files of the EFI system partition. */
  readonly bootFiles: readonly { readonly path: string; readonly sizeBytes: number }[];
}

export type ShownSlot =
  | {
      readonly slot: 'a' | 'b';
      readonly state: 'written';
      readonly trailer: SlotTrailer;
      /** Whether the unified kernel image in the slot is the one that the trailer names. */
      readonly isKernelIntact: boolean;
    }
  | { readonly slot: 'a' | 'b'; readonly state: 'empty' }
  | { readonly slot: 'a' | 'b'; readonly state: 'damaged'; readonly reason: string };

/** What `keelson show` tells of an update bundle. */
export interface ShownBundle {
  readonly subject: 'bundle';
  readonly path: string;
  readonly sizeBytes: number;
  readonly compatible: string;
  readonly version: string;
  readonly sequence: number;
  readonly channel: string;
  /** Of what is signed: RAUC's `manifest-hash`. */
  readonly manifestSha256: string;
  /** The slot image, before it was packed. */
  readonly image: { readonly sizeBytes: number; readonly sha256: string };
  readonly parts: readonly ShownSize[];
  readonly verityRootHash: string;
  /** Who signed, then who vouches, as far as the bundle says; the root is not part of it. */
  readonly signers: readonly (SignerCertificate & { readonly isValidNow: boolean })[];
}

export type Shown = ShownRecipe | ShownDisk | ShownBundle;
