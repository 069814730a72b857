import { resolve } from 'node:path';
import { channelNamePattern } from '../contract/channel.ts';
import { releaseVersionPattern } from '../contract/release-version.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { enrolmentVariables } from '../keys/enrolment-variables.ts';
import { unlockSigner } from '../keys/open-keys.ts';
import { signCms } from '../keys/sign-cms.ts';
import { readLockfile } from '../lock/lockfile-io.ts';
import { buildBundle } from '../pipeline/build-image.ts';
import { bundleStages } from '../pipeline/stages.ts';
import type { UpdateBundle } from '../update/update-bundle.ts';
import { openRecipe } from './open-recipe.ts';
import { openSigning, openTrust, type SigningOptions } from './open-signing.ts';
import { type ProfileOptions, withProfile } from './profile.ts';
import { type CommandContext, type Session, withSession } from './session.ts';

export interface BundleOptions extends SigningOptions, ProfileOptions {
  /** Folder for the bundle; `out/<recipe>` in the working folder when left out. */
  readonly out?: string;
  /** In place of the recipe's. */
  readonly version?: string;
  /** `stable` when left out. */
  readonly channel?: string;
  /** Sign what boots too, for machines that have Secure Boot on. */
  readonly secureBoot?: boolean;
}

const defaultChannel = 'stable';

/** `keelson bundle RECIPE`: a signed update bundle in a folder. */
export async function runBundleCommand(
  context: CommandContext,
  recipeName: string,
  options: BundleOptions,
): Promise<UpdateBundle> {
  checkNames(options);
  const bundle = await withProfile(context, `bundle ${recipeName}`, options, (context) =>
    withSession(context, (session) => bundleRecipe(context, session, recipeName, options), bundleStages),
  );
  if (context.isJson) context.writeOut(JSON.stringify({ type: 'bundle-finished', ...bundle }));
  else for (const line of describeBundle(bundle)) context.writeOut(line);
  return bundle;
}

/** Loads, checks, builds and signs in an open session. */
export async function bundleRecipe(
  context: CommandContext,
  { workshop, steps }: Session,
  recipeName: string,
  options: BundleOptions,
): Promise<UpdateBundle> {
  const { version, channel = defaultChannel } = options;
  const recipe = await openRecipe(context, recipeName, version);
  const lockfile = await readLockfile(recipe);
  const keys = await openSigning(context, workshop, options);
  const signer = await unlockSigner(keys, 'update');
  const trust = await openTrust(recipe, async () => keys);
  return buildBundle(workshop, steps, recipe, lockfile, {
    ...(trust === undefined ? {} : { trust }),
    channel,
    outputFolder: resolve(context.workingFolder, options.out ?? `out/${recipe.name}`),
    sign: (content) => signCms(signer, content, new Date(workshop.host.now())),
    ...(options.secureBoot === true
      ? { secureBoot: { signer: await unlockSigner(keys, 'boot'), variables: enrolmentVariables(keys) } }
      : {}),
  });
}

function checkNames({ version, channel = defaultChannel }: BundleOptions): void {
  if (version !== undefined && !releaseVersionPattern.test(version))
    throw new KeelsonError({
      code: 'VERSION_INVALID',
      class: 'input',
      message: `Cannot use "${version}" as a version`,
      hint: 'Versions are YYYY.MM.N, such as 2026.11.0.',
    });
  if (!channelNamePattern.test(channel))
    throw new KeelsonError({
      code: 'CHANNEL_INVALID',
      class: 'input',
      message: `Cannot use "${channel}" as the name of a channel`,
      hint: 'Use lower-case letters, digits and dashes, at most 32, such as stable.',
    });
}

function describeBundle(bundle: UpdateBundle): string[] {
  const { version, compatible, sizeBytes, imageSizeBytes, path, imageSha256 } = bundle;
  return [
    `update bundle ${version} for ${compatible}: ${formatBytes(sizeBytes)} (${formatBytes(imageSizeBytes)} in the slot)`,
    `  ${path}`,
    `  image sha256 ${imageSha256}`,
  ];
}
