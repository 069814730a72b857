import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { SlotTrailer } from '../contract/slot-layout.ts';
import { compatibleOf } from '../contract/update-bundle.ts';
import { digestFile } from '../disk/sparse-file.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Workshop } from '../tools/workshop.ts';
import { bundleDamaged, bundleInconsistent } from './bundle-errors.ts';
import { readPart } from './bundle-file.ts';
import { checkSlotImage } from './check-slot-image.ts';
import { checkTrust, type Trust } from './check-trust.ts';
import { makeHashTree } from './hash-tree.ts';
import { type BundleContents, readBundle } from './read-bundle.ts';
import { unpackSlotImage } from './unpack-slot-image.ts';

export interface VerifyOptions extends Trust {
  /** Refuse a bundle for any other machine. */
  readonly compatible?: string;
}

export interface VerifiedBundle extends BundleContents {
  readonly trailer: SlotTrailer;
}

/**
 * Everything that a machine will ask of a bundle, from the outside in: nothing is unpacked before its signature was trusted
 * and its hashes were right.
 */
export async function verifyBundle(
  workshop: Pick<Workshop, 'openTools' | 'host'>,
  path: string,
  options: VerifyOptions,
): Promise<VerifiedBundle> {
  const contents = await readBundle(workshop, path);
  await checkTrust(workshop, path, options);
  const { compatible } = contents.manifest;
  if (options.compatible !== undefined && compatible !== options.compatible)
    throw compatibleWrong(path, compatible, options.compatible);
  await checkPayload(contents, workshop.host.signal);
  return { ...contents, trailer: await checkImage(workshop, contents) };
}

async function checkPayload({ path, parts, manifest }: BundleContents, signal: AbortSignal): Promise<void> {
  const { verity } = manifest;
  const dataSizeBytes = parts.payloadSizeBytes - verity.treeSizeBytes;
  const tree = await makeHashTree(path, dataSizeBytes, Buffer.from(verity.salt, 'hex'), signal);
  if (tree.rootHash !== verity.rootHash)
    throw bundleDamaged(path, 'its payload does not have the root hash that was signed');
  if (!(await readPart(path, dataSizeBytes, verity.treeSizeBytes)).equals(tree.bytes))
    throw bundleDamaged(path, 'its hash tree is not that of its payload');
}

async function checkImage(
  workshop: Pick<Workshop, 'openTools' | 'host'>,
  contents: BundleContents,
): Promise<SlotTrailer> {
  const { path, manifest } = contents;
  const folder = await mkdtemp(join(tmpdir(), 'keelson-bundle-'));
  try {
    const image = await unpackSlotImage(workshop, path, folder);
    const { size } = await stat(image).catch(() => ({ size: -1 }));
    if (size !== manifest.image.sizeBytes || (await digestFile(image)) !== manifest.image.sha256)
      throw bundleInconsistent(path, 'its image is not the one that its manifest names');
    const trailer = await checkSlotImage(image, workshop.host.signal);
    const compatible = compatibleOf(trailer.recipe, trailer.architecture);
    if (compatible !== manifest.compatible) throw compatibleWrong(path, manifest.compatible, compatible);
    if (trailer.version !== manifest.version)
      throw bundleInconsistent(
        path,
        `it says version ${manifest.version}, and its image is ${trailer.version}`,
      );
    return trailer;
  } catch (error) {
    if ((error as Error).name === 'SlotImageFault') throw bundleInconsistent(path, (error as Error).message);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function compatibleWrong(path: string, found: string, wanted: string): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_COMPATIBLE_WRONG',
    class: 'input',
    message: `Cannot use the update bundle ${basename(path)}: it is for ${found}, not for ${wanted}`,
    place: { file: path },
    hint: 'Machines take only bundles of their own recipe and architecture.',
  });
}
