/** Lower-case hexadecimal SHA-256. */
export type Sha256 = string;

/** A blob that should exist: known by digest and size before a byte of it is fetched. */
export interface BlobReference {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

/** What a step may read, as plain JSON; together with the digest of the code that runs it, this is its identity. */
export interface StepSpec {
  /** Stage name shown to people, such as `seal root`. */
  readonly title: string;
  /** `import.meta.url` of the module that does the work; its source, and that of all it imports, is part of the id. */
  readonly moduleUrl: string;
  readonly inputs: unknown;
}

export interface StepOutput {
  readonly id: Sha256;
  /** Absolute path of the step's read-only output folder in the store. */
  readonly folder: string;
  readonly isCached: boolean;
}

/**
 * Content-addressed cache. Everything is written aside and renamed, so that two builds at once and a killed build
 * leave it good.
 */
export interface Store {
  readonly root: string;
  blobPath(sha256: Sha256): string;
  hasBlob(reference: BlobReference): Promise<boolean>;
  /** Runs `produce` in a fresh folder unless a step of the same identity has run before. */
  step(spec: StepSpec, produce: (folder: string) => Promise<void>): Promise<StepOutput>;
}
