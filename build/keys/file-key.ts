import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { writeDurably } from '../host/write-durably.ts';
import { encryptPrivateKey } from './encrypt-private-key.ts';
import { signWithKey } from './key-algorithm.ts';
import type { KeyPlace, KeyRecord } from './key-record.ts';
import { type KeyRole, keyRoleSpecs } from './key-role.ts';
import type { KeyOwner, RawSign } from './raw-signer.ts';
import type { SecretRequest } from './secrets.ts';

type FilePlace = Extract<KeyPlace, { kind: 'file' }>;

/** Signs in this process with a key from a file, which is read at the first signature. */
export function fileSign(owner: KeyOwner, record: KeyRecord, place: FilePlace): RawSign {
  return async (bytes) => {
    let key = owner.openedKeys.get(place.file);
    if (key === undefined) {
      key = readKey(owner, record, place);
      owner.openedKeys.set(place.file, key);
      key.catch(() => owner.openedKeys.delete(place.file));
    }
    return signWithKey(record.algorithm, await key, bytes);
  };
}

/** Writes a new private key beside the others; without a passphrase (development keys only) in the clear. */
export async function writeKey(
  owner: KeyOwner,
  id: string,
  key: KeyObject,
  passphrase: string | undefined,
): Promise<FilePlace> {
  const place: FilePlace = { kind: 'file', file: `${id}.key.pem`, isEncrypted: passphrase !== undefined };
  const pem =
    passphrase === undefined
      ? key.export({ type: 'pkcs8', format: 'pem' }).toString()
      : encryptPrivateKey(key, passphrase);
  await writeDurably(join(owner.folder, place.file), { content: pem });
  owner.openedKeys.set(place.file, Promise.resolve(key));
  return place;
}

export function passphraseRequest(role: KeyRole, name: string): Omit<SecretRequest, 'isNew'> {
  const { isOffline } = keyRoleSpecs[role];
  return { kind: 'passphrase', isOffline, what: `the ${isOffline ? 'offline' : 'signing'} keys of ${name}` };
}

async function readKey(owner: KeyOwner, record: KeyRecord, place: FilePlace): Promise<KeyObject> {
  const path = join(owner.folder, place.file);
  const pem = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new KeelsonError({
      code: 'KEY_ABSENT',
      class: 'environment',
      message: `Cannot read the key for ${record.role}: ${path}`,
      hint: keyRoleSpecs[record.role].isOffline
        ? 'It is an offline key: bring the medium on which it is kept, or copy the file back for the moment.'
        : 'Take the file from its backup, or make another key with `keelson keys rotate`.',
      cause,
    });
  });
  if (!place.isEncrypted) return createPrivateKey(pem);
  const request = passphraseRequest(record.role, basename(owner.folder));
  const passphrase = await owner.askSecret({ ...request, isNew: false });
  try {
    return createPrivateKey({ key: pem, passphrase });
  } catch {
    // The cause would only speak of padding.
    throw new KeelsonError({
      code: 'PASSPHRASE_WRONG',
      class: 'input',
      message: `Cannot open ${path}: the passphrase is wrong, or the file is damaged`,
      hint: 'Try again; a damaged file comes back from its backup.',
    });
  }
}
