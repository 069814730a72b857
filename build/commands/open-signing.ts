import type { SecureBoot } from '../boot/sign-boot-files.ts';
import { developmentKeys, refuseDevelopmentKeys, tellDevelopmentKeys } from '../keys/development-keys.ts';
import { enrolmentVariables } from '../keys/enrolment-variables.ts';
import { type Keys, openKeys, unlockSigner } from '../keys/open-keys.ts';
import { updateKeyring } from '../keys/trust.ts';
import { openRoots } from '../publish/channel-roots.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { type TrustFiles, wantsTrust } from '../rootfs/trust-files.ts';
import type { Workshop } from '../tools/workshop.ts';
import { keyFolder } from './key-folder.ts';
import { createAskSecret, type SecretOptions } from './read-secret.ts';
import type { CommandContext } from './session.ts';

export interface SigningOptions extends SecretOptions {
  /** A folder, or the plain name of one among the owner's own; development keys when left out. */
  readonly keys?: string;
  /** Refuse development keys. */
  readonly release?: boolean;
}

/** The keys that a command signs with: those that were named, or the development keys, which say so. */
export async function openSigning(
  context: CommandContext,
  workshop: Workshop,
  options: SigningOptions,
): Promise<Keys> {
  const keys =
    options.keys === undefined && options.release !== true
      ? await developmentKeys(workshop)
      : await openKeys(workshop, {
          folder: keyFolder(context, options.keys),
          askSecret: createAskSecret(context, options),
        });
  if (options.release === true) refuseDevelopmentKeys(keys);
  else if (options.keys !== undefined) tellDevelopmentKeys(keys);
  return keys;
}

export async function openSecureBoot(
  context: CommandContext,
  workshop: Workshop,
  options: SigningOptions,
): Promise<SecureBoot> {
  const keys = await openSigning(context, workshop, options);
  return { signer: await unlockSigner(keys, 'boot'), variables: enrolmentVariables(keys) };
}

/** Whom machines of this recipe trust for updates; nothing, and no keys are opened, when none of its services asks. */
export async function openTrust(recipe: Recipe, open: () => Promise<Keys>): Promise<TrustFiles | undefined> {
  if (!wantsTrust(recipe)) return undefined;
  const keys = await open();
  const roots = await openRoots(keys);
  return new Map([
    ['channel-root.json', roots.at(-1) ?? ''],
    ['update.pem', updateKeyring(keys)],
  ]);
}
