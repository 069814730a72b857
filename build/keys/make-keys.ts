import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { addKey, type ForeignPlaces } from './add-key.ts';
import { enrolmentFiles } from './enrolment-files.ts';
import { makeKeyFolder, refuseWorkTree, writeKeysFile } from './key-folder.ts';
import { keyRoleSpecs, keyRoles } from './key-role.ts';
import { type Keys, keysOf } from './open-keys.ts';
import type { KeyWorkshop } from './raw-signer.ts';
import { addMissingLists } from './revocation-lists.ts';
import { type AskSecret, rememberSecrets } from './secrets.ts';

export interface MakeKeysOptions {
  readonly name: string;
  readonly folder: string;
  readonly askSecret: AskSecret;
  readonly isDevelopment?: boolean;
  /** Keys that the owner already has; the others are made, in files. */
  readonly places?: ForeignPlaces;
  /** Allow a folder in a git work tree. */
  readonly isForced?: boolean;
}

/** Makes a whole set of keys in an empty folder; KEYS_EXIST when there are some, which nothing ever overwrites. */
export async function makeKeys(workshop: KeyWorkshop, options: MakeKeysOptions): Promise<Keys> {
  const { name, folder, isDevelopment = false, places = {} } = options;
  await refuseExisting(folder);
  if (options.isForced !== true) await refuseWorkTree(folder);
  await makeKeyFolder(folder);
  const created = new Date(workshop.host.now()).toISOString();
  let keys = keysOf(
    { format: 1, name, isDevelopment, created, keys: [], revocationLists: {}, enrolment: {} },
    { workshop, folder, askSecret: rememberSecrets(options.askSecret), openedKeys: new Map() },
  );
  // In this order issuers come first.
  for (const role of keyRoles) {
    const place = places[role];
    for (let count = 0; count < keyRoleSpecs[role].count; count++) {
      keys = await addKey(keys, { role, state: 'current', ...(place === undefined ? {} : { place }) });
    }
  }
  return await saveKeys(await enrolmentFiles(await addMissingLists(keys)));
}

export async function saveKeys(keys: Keys): Promise<Keys> {
  await writeKeysFile(keys.folder, keys.file);
  return keys;
}

async function refuseExisting(folder: string): Promise<void> {
  const hasKeys = await access(join(folder, 'keys.json')).then(
    () => true,
    () => false,
  );
  if (!hasKeys) return;
  throw new KeelsonError({
    code: 'KEYS_EXIST',
    class: 'input',
    message: `Cannot make keys in ${folder}: there are some already`,
    hint: 'See them with `keelson keys show`, replace one with `keelson keys rotate ROLE`, or name another folder with --keys.',
  });
}
