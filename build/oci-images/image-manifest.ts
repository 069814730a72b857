import { z } from 'zod';
import type { Architecture } from '../recipe/recipe.ts';
import type { BlobReference } from '../store/store.ts';

/** OCI image specification 1.1, https://github.com/opencontainers/image-spec, and Docker's formats, which mean the same. */

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be a sha256 digest');
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z
    .int()
    .min(0)
    .max(8 * 1024 ** 3),
});

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z
    .array(
      descriptor.extend({
        platform: z
          .object({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
          .optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
    )
    .max(1000),
});

const configMediaTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** How a layer's archive is packed, by media type. */
const layerPackings = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
} as const satisfies Record<string, string>;

export type LayerPacking = (typeof layerPackings)[keyof typeof layerPackings];

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  config: descriptor.extend({ mediaType: z.enum(configMediaTypes) }),
  layers: z
    .array(
      descriptor.extend({
        mediaType: z.enum(Object.keys(layerPackings) as (keyof typeof layerPackings)[]),
      }),
    )
    .min(1)
    .max(127),
});

const texts = z.array(z.string()).nullish();

const configSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  config: z
    .object({
      User: z.string().nullish(),
      Env: texts,
      Entrypoint: texts,
      Cmd: texts,
      WorkingDir: z.string().nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
      StopSignal: z.string().nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digest) }),
});

export type ImageIndex = z.output<typeof indexSchema>;

export interface ImageLayer extends BlobReference {
  readonly packing: LayerPacking;
}

export interface ImageManifest {
  readonly config: BlobReference;
  /** The lowest first. */
  readonly layers: readonly ImageLayer[];
}

/** `config.json` of an image: what it says of its platform, how it wants to be run. */
export interface ImageConfiguration {
  readonly os: string;
  readonly architecture: string;
  readonly user: string;
  /** `NAME=value` */
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly arguments: readonly string[];
  readonly workingFolder: string;
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  /** Digests of the layers, unpacked. */
  readonly diffDigests: readonly string[];
}

/** Why a document of an image cannot be used. */
export class DocumentFault extends Error {
  override readonly name = 'DocumentFault';
}

/** What a tag or digest names. */
export function parseTop(
  bytes: Buffer,
): { readonly kind: 'index'; readonly index: ImageIndex } | { readonly kind: 'manifest' } {
  const value = parseJson(bytes);
  if (typeof value === 'object' && value !== null && 'manifests' in value)
    return { kind: 'index', index: checked(indexSchema, value, 'index') };
  return { kind: 'manifest' };
}

export function parseIndex(bytes: Buffer): ImageIndex {
  return checked(indexSchema, parseJson(bytes), 'index');
}

export function parseManifest(bytes: Buffer): ImageManifest {
  const { config, layers } = checked(manifestSchema, parseJson(bytes), 'manifest');
  return {
    config: { sha256: hexOf(config.digest), sizeBytes: config.size },
    layers: layers.map(({ digest, size, mediaType }) => ({
      sha256: hexOf(digest),
      sizeBytes: size,
      packing: layerPackings[mediaType],
    })),
  };
}

export function parseConfiguration(bytes: Buffer): ImageConfiguration {
  const { os, architecture, config, rootfs } = checked(configSchema, parseJson(bytes), 'configuration');
  return {
    os,
    architecture,
    user: config?.User ?? '',
    environment: config?.Env ?? [],
    entrypoint: config?.Entrypoint ?? [],
    arguments: config?.Cmd ?? [],
    workingFolder: config?.WorkingDir || '/',
    volumes: Object.keys(config?.Volumes ?? {}).sort(),
    stopSignal: config?.StopSignal ?? '',
    diffDigests: rootfs.diff_ids.map(hexOf),
  };
}

/** Go's names, which images use; variants that every machine of the architecture can run. */
const platforms = {
  'x86-64': { architecture: 'amd64', variants: [undefined, '', 'v1'] },
  arm64: { architecture: 'arm64', variants: [undefined, '', 'v8'] },
} as const satisfies Record<Architecture, object>;

/** The entry of an index that a machine of the architecture runs. */
export function chooseManifest(
  index: ImageIndex,
  architecture: Architecture,
): ImageIndex['manifests'][number] | undefined {
  const wanted = platforms[architecture];
  const variants: readonly (string | undefined)[] = wanted.variants;
  return index.manifests.find(
    ({ platform }) =>
      platform?.os === 'linux' &&
      platform.architecture === wanted.architecture &&
      variants.includes(platform.variant),
  );
}

export function isForMachine(
  { os, architecture }: ImageConfiguration,
  machineArchitecture: Architecture,
): boolean {
  return os === 'linux' && architecture === platforms[machineArchitecture].architecture;
}

/** `linux/amd64, linux/arm64/v8`, of all entries that say so. */
export function describePlatforms({ manifests }: ImageIndex): string {
  const names = manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown'
      ? []
      : [
          [platform.os, platform.architecture, platform.variant ?? '']
            .filter((word) => word !== '')
            .join('/'),
        ],
  );
  return [...new Set(names)].sort().join(', ') || 'none';
}

export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new DocumentFault('it is not JSON', { cause });
  }
}

function checked<Output>(schema: z.ZodType<Output>, value: unknown, what: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue?.path.join('.') ?? '';
  throw new DocumentFault(
    `its ${what} is not one of a container image: ${at} ${issue?.message ?? ''}`.trim(),
  );
}
