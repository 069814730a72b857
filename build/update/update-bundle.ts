import type { Sha256 } from '../store/store.ts';

/** What a signature is made over, and what a machine reads first: RAUC's manifest of a bundle in format verity. */
export interface BundleManifest {
  readonly compatible: string;
  readonly version: string;
  /** Grows with the version. */
  readonly sequence: number;
  readonly channel: string;
  readonly image: { readonly sizeBytes: number; readonly sha256: Sha256 };
  /** dm-verity over the squashfs; unknown while that is being made, for it holds the manifest too. */
  readonly verity?: BundleVerity;
}

export interface BundleVerity {
  readonly rootHash: Sha256;
  /** 32 bytes, lower-case hexadecimal. */
  readonly salt: string;
  /** Of the hash tree, which has no superblock. */
  readonly treeSizeBytes: number;
}

/** Everything of a bundle but its signature: the same whenever it is made from the same slot image. */
export interface BundlePayload {
  /** squashfs ‖ hash tree, absolute path in the store. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  /** Text of the manifest that is to be signed. */
  readonly manifestText: string;
}

/** A finished bundle in a folder of the user: squashfs ‖ hash tree ‖ CMS ‖ size of the CMS. */
export interface UpdateBundle {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly compatible: string;
  readonly version: string;
  readonly sequence: number;
  readonly channel: string;
  readonly imageSha256: Sha256;
  readonly imageSizeBytes: number;
  /** SHA-256 of the signed manifest, RAUC's `manifest-hash`: the same after a new signature. */
  readonly manifestSha256: Sha256;
}

/**
 * Signs `content` with the leaf for update bundles: gives a CMS SignedData (RFC 5652) in DER that holds the content and the
 * certificates below the root.
 */
export type BundleSigner = (content: Uint8Array) => Promise<Uint8Array>;
