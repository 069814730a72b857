import { isAbsolute, join } from 'node:path';

/** Where an image is. */
export type ImageSource =
  | {
      readonly kind: 'registry';
      /** Host and port, such as `docker.io`. */
      readonly registry: string;
      /** Such as `library/nginx`. */
      readonly repository: string;
      readonly tag: string | undefined;
      /** `sha256:…` */
      readonly digest: string | undefined;
    }
  /** A folder of the OCI image layout specification, or a tar archive of one. */
  | {
      readonly kind: 'layout' | 'archive';
      /** Absolute. */
      readonly path: string;
      /** Value of `org.opencontainers.image.ref.name`; may be left out when there is one image only. */
      readonly tag: string | undefined;
    };

/** https://github.com/opencontainers/distribution-spec: names, tags; as Docker writes them. */
const host = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?`;
const part = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const tagText = '[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}';
const registryExpression = new RegExp(
  `^(${host})/(${part}(?:/${part})*)(?::(${tagText}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
/** A name without a registry, which Docker would look for at docker.io. */
const shortExpression = new RegExp(`^${part}(?:/${part})*(?::${tagText})?(?:@sha256:[0-9a-f]{64})?$`);
const fileExpression = new RegExp(`^(oci|oci-archive):([^\\0\\n]+?)(?::(${tagText}))?$`);

/** A reference as written in a recipe, or why it cannot be one. Paths start at `folder`. */
export function parseImageReference(
  text: string,
  folder: string,
): { readonly source: ImageSource } | { readonly reason: string; readonly hint: string } {
  const [, kind, path, fileTag] = fileExpression.exec(text) ?? [];
  if (path !== undefined) {
    return {
      source: {
        kind: kind === 'oci' ? 'layout' : 'archive',
        path: isAbsolute(path) ? path : join(folder, path),
        tag: fileTag,
      },
    };
  }
  const [, registry = '', repository = '', tag, digest] = registryExpression.exec(text) ?? [];
  const isHost = /[.:]/.test(registry) || registry === 'localhost';
  if (repository === '' || !isHost || text.length > 512) {
    const isShort = shortExpression.test(text);
    const name = text.includes('/') ? text : `library/${text}`;
    return {
      reason: isShort ? 'it names no registry' : 'it is no reference of an image',
      hint: isShort
        ? `write docker.io/${name} if that is meant`
        : 'write registry/name:tag, registry/name@sha256:…, oci:FOLDER or oci-archive:FILE',
    };
  }
  if (tag === undefined && digest === undefined) {
    return { reason: 'it names no tag and no digest', hint: `write ${text}:latest if that is meant` };
  }
  return { source: { kind: 'registry', registry, repository, tag, digest } };
}

/** The reference of one manifest in a registry; tools take no tag and digest together. */
export function manifestReference(
  { registry, repository }: Extract<ImageSource, { kind: 'registry' }>,
  digest: string,
): string {
  return `${registry}/${repository}@${digest}`;
}
