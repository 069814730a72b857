import { rm } from 'node:fs/promises';
import { type Keys, makeSigner, openKeys, recordsOf } from '../../build/keys/open-keys.ts';
import { signCms } from '../../build/keys/sign-cms.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import type { BundleSigner } from '../../build/update/update-bundle.ts';
import { runKeelson, type SigningKeys } from './test-workshop.ts';

const passphrases = {
  online: 'online passphrase of a test',
  offline: 'offline passphrase of a test',
} as const;
const variables = {
  KEELSON_TEST_PASSPHRASE: passphrases.online,
  KEELSON_TEST_OFFLINE_PASSPHRASE: passphrases.offline,
} as const;

/** Keys of an owner, made and changed by the real commands, each with its passphrase. */
export interface OwnerKeys extends SigningKeys {
  /** `keelson keys …`. */
  run(...words: string[]): Promise<void>;
  /** As somebody would sign who has the key for update bundles that is in that state. */
  signerOf(workshop: Workshop, state: 'current' | 'retired' | 'revoked'): Promise<BundleSigner>;
}

export async function makeOwnerKeys(folder: string): Promise<OwnerKeys> {
  const options = [
    ...['--keys', folder, '--passphrase-env', 'KEELSON_TEST_PASSPHRASE'],
    ...['--offline-passphrase-env', 'KEELSON_TEST_OFFLINE_PASSPHRASE'],
  ];
  const run = async (...words: string[]): Promise<void> => {
    await runKeelson(['keys', ...words, ...options], variables);
  };
  await rm(folder, { recursive: true, force: true });
  await run('init', 'owner', '--force');
  return {
    folder,
    run,
    options,
    environment: variables,
    signerOf: async (workshop, state) => {
      const askSecret = async ({ isOffline }: { isOffline: boolean }) =>
        isOffline ? passphrases.offline : passphrases.online;
      return signWith(await openKeys(workshop, { folder, askSecret }), state);
    },
  };
}

/** Signs as `keelson bundle` does, also with a key that it would not use. */
export function signWith(keys: Keys, state: 'current' | 'retired' | 'revoked'): BundleSigner {
  const record = recordsOf(keys.file, 'update', state).at(-1);
  if (record === undefined) throw new Error(`there is no ${state} key for update bundles`);
  const signer = makeSigner(keys, record);
  return (content: Uint8Array) => signCms(signer, content, new Date(keys.workshop.host.now()));
}
