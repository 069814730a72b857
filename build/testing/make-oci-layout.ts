import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** A member of a layer: a header, and what is in it when it is a file. */
export interface LayerMember extends Partial<Header> {
  readonly name: string;
  readonly content?: string | Buffer;
}

export interface TestImage {
  /** The lowest first. */
  readonly layers: readonly (readonly LayerMember[])[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly packing?: 'none' | 'gzip' | 'zstd';
}

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const packings = {
  none: { suffix: '', pack: (bytes: Buffer) => bytes },
  gzip: { suffix: '+gzip', pack: (bytes: Buffer) => gzipSync(bytes) },
  zstd: { suffix: '+zstd', pack: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const;

/** A layer as a tar archive; members exactly as given, be they ever so strange. */
export async function makeLayerTar(members: readonly LayerMember[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of members) tar.entry({ mtime: new Date(0), ...header }, content ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Writes images by tag as a folder of the OCI image layout; several under one tag become an index. Gives the digest of what each
 * tag names.
 */
export async function makeOciLayout(
  folder: string,
  images: Readonly<Record<string, TestImage | readonly TestImage[]>>,
): Promise<Readonly<Record<string, string>>> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const put = async (bytes: Buffer, mediaType: string) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(folder, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const putJson = (value: unknown, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);

  const putImage = async ({ layers, config = {}, architecture = 'amd64', packing = 'gzip' }: TestImage) => {
    const tars = await Promise.all(layers.map(makeLayerTar));
    const { suffix, pack: packLayer } = packings[packing];
    const descriptors = [];
    for (const tar of tars) descriptors.push(await put(packLayer(tar), `${layerType}${suffix}`));
    const diffs = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
    const configuration = { os: 'linux', architecture, config, rootfs: { type: 'layers', diff_ids: diffs } };
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: await putJson(configuration, 'application/vnd.oci.image.config.v1+json'),
      layers: descriptors,
    };
    return { ...(await putJson(manifest, manifest.mediaType)), platform: { os: 'linux', architecture } };
  };

  const manifests = [];
  for (const [tag, image] of Object.entries(images)) {
    const entries = [];
    for (const each of Array.isArray(image) ? image : [image])
      entries.push(await putImage(each as TestImage));
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: entries,
    };
    const named = Array.isArray(image) ? await putJson(index, index.mediaType) : entries[0];
    manifests.push({ ...named, annotations: { 'org.opencontainers.image.ref.name': tag } });
  }
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return Object.fromEntries(
    manifests.map(({ digest = '', annotations }) => [
      annotations['org.opencontainers.image.ref.name'],
      digest,
    ]),
  );
}
