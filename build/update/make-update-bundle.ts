import { createHash } from 'node:crypto';
import { appendFile, chmod, constants, copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sequenceOf } from '../contract/release-version.ts';
import { compatibleOf, updateBundleNames } from '../contract/update-bundle.ts';
import type { SlotImage } from '../disk/disk-image.ts';
import { digestFile } from '../disk/sparse-file.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { asOutputError } from '../formats/output-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { encodeSignatureSize, largestSignatureBytes } from './bundle-file.ts';
import { makePayload } from './make-payload.ts';
import type { BundlePayload, BundleSigner, UpdateBundle } from './update-bundle.ts';

export interface UpdateBundleOptions {
  readonly channel: string;
  readonly outputFolder: string;
  readonly sign: BundleSigner;
}

/**
 * Makes `<recipe>-<version>-<architecture>.raucb` in the output folder: RAUC's format verity,
 * https://rauc.readthedocs.io/en/v1.13/reference.html#verity-format. RAUC itself would have to hold the key; here only
 * `sign` does, and it sees nothing but the manifest.
 */
export async function makeUpdateBundle(
  workshop: Workshop,
  recipe: Pick<Recipe, 'name' | 'version' | 'architecture'>,
  slot: SlotImage,
  options: UpdateBundleOptions,
): Promise<UpdateBundle> {
  const { version } = recipe;
  const facts = {
    compatible: compatibleOf(recipe.name, recipe.architecture),
    version,
    sequence: sequenceOf(version) as number,
    channel: options.channel,
  };
  const payload = await makePayload(workshop, slot, facts);
  const signature = await options.sign(Buffer.from(payload.manifestText));
  if (signature.length > largestSignatureBytes) throw tooLarge(signature.length);
  const name = `${recipe.name}-${version}-${recipe.architecture}${updateBundleNames.extension}`;
  const path = await placeBundle(options.outputFolder, name, payload, signature);
  return {
    path,
    sizeBytes: (await stat(path)).size,
    sha256: await digestFile(path),
    ...facts,
    imageSha256: slot.sha256,
    imageSizeBytes: slot.sizeBytes,
    manifestSha256: createHash('sha256').update(payload.manifestText).digest('hex'),
  };
}

/** Written aside and renamed: a bundle is never there half. */
async function placeBundle(
  outputFolder: string,
  name: string,
  payload: BundlePayload,
  signature: Uint8Array,
): Promise<string> {
  let aside: string | undefined;
  try {
    await mkdir(outputFolder, { recursive: true });
    aside = await mkdtemp(join(outputFolder, '.keelson-'));
    const written = join(aside, name);
    await copyFile(payload.path, written, constants.COPYFILE_FICLONE);
    await chmod(written, 0o644);
    await appendFile(written, signature);
    await appendFile(written, encodeSignatureSize(signature.length));
    await rename(written, join(outputFolder, name));
    return join(outputFolder, name);
  } catch (error) {
    throw asOutputError(outputFolder, error);
  } finally {
    if (aside !== undefined) await rm(aside, { recursive: true, force: true });
  }
}

function tooLarge(sizeBytes: number): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_SIGNATURE_TOO_LARGE',
    class: 'input',
    message: `Cannot sign the update bundle: its signature has ${sizeBytes} bytes, machines read up to ${largestSignatureBytes}`,
    hint: 'Sign with a shorter chain of certificates.',
  });
}
