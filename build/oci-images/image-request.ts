import type { Place } from '../errors/keelson-error.ts';
import type { Sha256 } from '../store/store.ts';
import type { ImageSource } from './image-reference.ts';

/** A file of the recipe's that lies beside its YAML file. */
export interface GivenFile {
  /** Absolute. */
  readonly path: string;
  readonly sha256: Sha256;
}

/** An image that a service takes its root from, as asked for: parsed and checked, nothing fetched. */
export interface ImageRequest {
  /** As written, such as `docker.io/library/nginx:1.29`. */
  readonly reference: string;
  readonly source: ImageSource;
  readonly place: Place;
  /** Public key of cosign's, by which the image must be signed. */
  readonly key: GivenFile | undefined;
  /** Certificates of authorities that the registry's certificate may be from, PEM. */
  readonly authorities: GivenFile | undefined;
}
