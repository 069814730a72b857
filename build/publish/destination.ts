/** Where a tree is published: a folder, a server, a bucket. Paths are relative, with slashes. */
export interface Destination {
  /** For people: no passwords in it. */
  readonly name: string;
  /** `undefined` when there is no such file; throws DESTINATION_UNREADABLE when it is larger than `limitBytes`. */
  read(path: string, limitBytes: number): Promise<Buffer | undefined>;
  /** Of a file; `undefined` when there is none. */
  sizeOf(path: string): Promise<number | undefined>;
  /**
   * Puts a file in its place whole or not at all, and on stable storage where there is a way to ask for it: readers see the
   * old one or the new one.
   */
  write(path: string, content: PublishedContent, kind: FileKind): Promise<void>;
  close(): Promise<void>;
}

/** Bytes, or a file of this computer. */
export type PublishedContent =
  | { readonly bytes: Buffer }
  | { readonly file: string; readonly sizeBytes: number; readonly sha256: string };

/**
 * - `immutable`: named by digest or version, so caches may keep it for ever
 * - `current`: replaced in place, so caches must ask
 */
export type FileKind = 'immutable' | 'current';

export const cacheControl = {
  immutable: 'public, max-age=31536000, immutable',
  current: 'public, max-age=60, must-revalidate',
} as const satisfies Record<FileKind, string>;

export function contentType(path: string): string {
  return path.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}
