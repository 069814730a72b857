import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { KeelsonError } from '../errors/keelson-error.ts';
import { defaultKeyFolder } from './key-folder.ts';
import { type Keys, openKeys } from './open-keys.ts';
import type { KeyWorkshop } from './raw-signer.ts';
import { noSecrets } from './secrets.ts';

const name = 'development';

/** Keys for trying out, made on first use and without passphrases. Tells so each time. */
export async function developmentKeys(workshop: KeyWorkshop): Promise<Keys> {
  const folder = defaultKeyFolder(workshop.host, name);
  const keys = await openKeys(workshop, { folder }).catch(async (error: unknown) => {
    if (!(error instanceof KeelsonError) || error.code !== 'KEYS_ABSENT') throw error;
    await makeAside(workshop, folder);
    return await openKeys(workshop, { folder });
  });
  tellDevelopmentKeys(keys);
  return keys;
}

/** A warning event when the keys are for trying out. */
export function tellDevelopmentKeys(keys: Keys): void {
  if (keys.isDevelopment) keys.workshop.emit({ type: 'warning', ...developmentWarning });
}

export const developmentWarning = {
  message: 'Signed with development keys: whoever has this computer can sign updates for these machines',
  hint: 'Make your own with `keelson keys init` and name them with --keys.',
} as const;

/** KEYS_DEVELOPMENT: what is released is never signed with keys for trying out. */
export function refuseDevelopmentKeys(keys: Pick<Keys, 'isDevelopment' | 'folder'>): void {
  if (!keys.isDevelopment) return;
  throw new KeelsonError({
    code: 'KEYS_DEVELOPMENT',
    class: 'input',
    message: `Cannot make a release with the development keys in ${keys.folder}`,
    hint: developmentWarning.hint,
  });
}

/** Two builds may come here at once: the first one's keys stay. */
async function makeAside(workshop: KeyWorkshop, folder: string): Promise<void> {
  const aside = `${folder}.${randomBytes(4).toString('hex')}.tmp`;
  // Needed once in the life of a computer, and large.
  const { makeKeys } = await import('./make-keys.ts');
  try {
    await makeKeys(workshop, {
      name,
      folder: aside,
      askSecret: noSecrets,
      isDevelopment: true,
      isForced: true,
    });
    await rename(aside, folder);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    const { code } = error as { code?: string };
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
