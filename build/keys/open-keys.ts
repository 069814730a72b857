import { X509Certificate } from 'node:crypto';
import { KeelsonError } from '../errors/keelson-error.ts';
import { commandSign } from './command-key.ts';
import { fileSign } from './file-key.ts';
import { isSignatureGood } from './key-algorithm.ts';
import { readKeysFile } from './key-folder.ts';
import type { KeyRecord, KeyState, KeysFile } from './key-record.ts';
import { type KeyRole, keyRoleSpecs } from './key-role.ts';
import { tokenSign } from './pkcs11-key.ts';
import type { KeyOwner, KeyWorkshop, RawSign } from './raw-signer.ts';
import { type AskSecret, noSecrets, rememberSecrets } from './secrets.ts';
import type { Signer } from './signer.ts';

/** The keys of one owner: what is public of them, and signers. No private key is read before something is signed. */
export interface Keys extends KeyOwner {
  readonly name: string;
  readonly isDevelopment: boolean;
  /** What keys.json says, as it was read. */
  readonly file: KeysFile;
}

export async function openKeys(
  workshop: KeyWorkshop,
  { folder, askSecret = noSecrets }: { readonly folder: string; readonly askSecret?: AskSecret },
): Promise<Keys> {
  const file = await readKeysFile(folder);
  return keysOf(file, { workshop, folder, askSecret: rememberSecrets(askSecret), openedKeys: new Map() });
}

export function keysOf(file: KeysFile, owner: KeyOwner): Keys {
  return { ...owner, name: file.name, isDevelopment: file.isDevelopment, file };
}

/** The role's signer; KEY_ROLE_VACANT without one, CERTIFICATE_EXPIRED when machines would refuse what it signs. */
export function signerFor(keys: Keys, role: KeyRole): Signer {
  const [first] = signersFor(keys, role);
  if (first === undefined) throw vacant(keys, role);
  return first;
}

/**
 * The role's signer, with the passphrase of its key asked for now: at the start of a long command, not in the middle of its
 * display.
 */
export async function unlockSigner(keys: Keys, role: KeyRole): Promise<Signer> {
  const signer = signerFor(keys, role);
  const [record] = recordsOf(keys.file, role, 'current');
  if (record?.place.kind === 'file') await signer.sign(new Uint8Array());
  return signer;
}

/** All signers of a role: `tuf-root` has three. Retired ones still sign what replaces them. */
export function signersFor(keys: Keys, role: KeyRole, state: KeyState = 'current'): readonly Signer[] {
  return recordsOf(keys.file, role, state).map((record) => makeSigner(keys, record));
}

export function recordsOf(
  file: KeysFile,
  role: KeyRole,
  ...states: readonly KeyState[]
): readonly KeyRecord[] {
  return file.keys.filter((record) => record.role === role && states.includes(record.state));
}

export function recordOf(file: KeysFile, id: string): KeyRecord {
  const found = file.keys.find((record) => record.id === id);
  if (found !== undefined) return found;
  throw new KeelsonError({
    code: 'KEY_UNKNOWN',
    class: 'input',
    message: `Cannot find a key "${id}"`,
    hint: `There are ${file.keys.map((record) => record.id).join(', ')}.`,
  });
}

export function makeSigner(keys: Keys, record: KeyRecord): Signer {
  const sign = rawSign(keys, record);
  return {
    keyId: record.keyId,
    role: record.role,
    algorithm: record.algorithm,
    publicKeyPem: record.publicKeyPem,
    isDevelopment: keys.isDevelopment,
    ...(record.certificate === undefined ? {} : { certificateChain: chainOf(keys.file, record) }),
    sign: async (bytes) => {
      refuseExpired(keys, record);
      const signature = await sign(bytes);
      if (!isSignatureGood(record.algorithm, record.publicKeyPem, bytes, signature)) {
        throw new KeelsonError({
          code: 'SIGNATURE_WRONG',
          class: 'environment',
          message: `Cannot sign with the key for ${record.role}: the signature does not fit the public key of ${record.id}`,
          hint: 'The token or the program signed with another key, or in another way: compare `keelson keys show` with it.',
        });
      }
      return signature;
    },
  };
}

/** Own certificate first; the root is not in it, as machines have it. */
function chainOf(file: KeysFile, record: KeyRecord): readonly string[] {
  const chain: string[] = [];
  for (let link = record; link.certificate !== undefined; link = recordOf(file, link.certificate.issuer)) {
    if (link.certificate.issuer === link.id) break;
    chain.push(link.certificate.pem);
  }
  return chain.length === 0 && record.certificate !== undefined ? [record.certificate.pem] : chain;
}

function rawSign(keys: Keys, record: KeyRecord): RawSign {
  const { place } = record;
  switch (place.kind) {
    case 'file':
      return fileSign(keys, record, place);
    case 'pkcs11':
      return tokenSign(keys, record, place);
    case 'command':
      return commandSign(keys, record, place);
  }
}

function refuseExpired(keys: Keys, record: KeyRecord): void {
  if (record.certificate === undefined) return;
  const { validTo } = new X509Certificate(record.certificate.pem);
  if (keys.workshop.host.now() < Date.parse(validTo)) return;
  throw new KeelsonError({
    code: 'CERTIFICATE_EXPIRED',
    class: 'input',
    message: `Cannot sign with ${record.id}: its certificate ended on ${new Date(validTo).toISOString().slice(0, 10)}`,
    hint: `Make another with \`keelson keys rotate ${record.role}\`.`,
  });
}

function vacant(keys: Keys, role: KeyRole): KeelsonError {
  return new KeelsonError({
    code: 'KEY_ROLE_VACANT',
    class: 'input',
    message: `Cannot sign as ${role} (${keyRoleSpecs[role].what}): ${keys.name} has no key for it`,
    hint: `Make one with \`keelson keys rotate ${role}\`.`,
  });
}
