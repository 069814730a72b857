import type { Sha256 } from '../store/store.ts';

/** An image as a lockfile names it; the manifest has the digests of all else. */
export interface LockedImage {
  /** The reference as it is written in the recipe. */
  readonly image: string;
  /** `sha256:…` of what the reference named when it was locked: an index, or the manifest itself. */
  readonly digest: string;
  /** The manifest for the machine's architecture. */
  readonly manifestSha256: Sha256;
  readonly manifestBytes: number;
}
