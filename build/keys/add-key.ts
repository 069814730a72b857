import { type KeyObject, X509Certificate } from 'node:crypto';
import { KeelsonError } from '../errors/keelson-error.ts';
import { readCommandPublicKey } from './command-key.ts';
import { passphraseRequest, writeKey } from './file-key.ts';
import { type CertificateRequest, issueCertificate } from './issue-certificate.ts';
import { algorithmOf, keyAlgorithms, keyIdOf } from './key-algorithm.ts';
import type { KeyPlace, KeyRecord, KeyState, KeysFile } from './key-record.ts';
import { type KeyRole, keyRoleSpecs } from './key-role.ts';
import { type Keys, keysOf, makeSigner, recordOf, recordsOf } from './open-keys.ts';
import { readTokenPublicKey } from './pkcs11-key.ts';

/** A key that the owner already has, in a token or behind a command. */
export type ForeignPlace = Exclude<KeyPlace, { kind: 'file' }>;

export type ForeignPlaces = Partial<Readonly<Record<KeyRole, ForeignPlace>>>;

export interface KeyRequest {
  readonly role: KeyRole;
  readonly state: Extract<KeyState, 'current' | 'next'>;
  /** Left out, a key is made and kept in a file. */
  readonly place?: ForeignPlace;
  /** Left out, the current key of the role that issues; without one, the one above it. */
  readonly issuerId?: string;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Adds one key with its certificate. Only private keys are written; the caller writes keys.json when all is well. */
export async function addKey(keys: Keys, { role, state, place, issuerId }: KeyRequest): Promise<Keys> {
  const id = `${role}-${nextNumber(keys.file, role)}`;
  const made = place === undefined ? await makeKey(keys, role, id) : await findKey(keys, role, place);
  const now = new Date(keys.workshop.host.now());
  const record: KeyRecord = {
    id,
    role,
    state,
    algorithm: made.algorithm,
    keyId: keyIdOf(made.publicKey),
    publicKeyPem: made.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    place: made.place,
    created: now.toISOString(),
  };
  const certificate = await certify(keys, record, issuerId, now);
  return withFile(keys, {
    ...keys.file,
    keys: [...keys.file.keys, certificate === undefined ? record : { ...record, certificate }],
  });
}

export function withFile(keys: Keys, file: KeysFile): Keys {
  return keysOf(file, keys);
}

export function withState(keys: Keys, id: string, change: Partial<KeyRecord>): Keys {
  return withFile(keys, {
    ...keys.file,
    keys: keys.file.keys.map((record) => (record.id === id ? { ...record, ...change } : record)),
  });
}

async function makeKey(keys: Keys, role: KeyRole, id: string) {
  const { algorithm } = keyRoleSpecs[role];
  const { publicKey, privateKey } = await keyAlgorithms[algorithm].generate();
  const request = passphraseRequest(role, keys.name);
  const passphrase = keys.isDevelopment ? undefined : await keys.askSecret({ ...request, isNew: true });
  return { algorithm, publicKey, place: await writeKey(keys, id, privateKey, passphrase) };
}

async function findKey(keys: Keys, role: KeyRole, place: ForeignPlace) {
  const publicKey: KeyObject =
    place.kind === 'pkcs11'
      ? await readTokenPublicKey(keys, place, role)
      : await readCommandPublicKey(keys, place, role);
  const algorithm = algorithmOf(publicKey);
  const isRightKind =
    algorithm !== undefined &&
    (keyRoleSpecs[role].certificate === undefined) === (algorithm === 'ed25519') &&
    (!role.startsWith('boot') || algorithm === 'rsa-2048');
  if (!isRightKind) {
    throw new KeelsonError({
      code: 'KEY_UNSUITABLE',
      class: 'input',
      message: `Cannot use that key for ${role}: it is ${algorithm ?? publicKey.asymmetricKeyType ?? 'unknown'}`,
      hint: `Make a key of kind ${keyRoleSpecs[role].algorithm}.`,
    });
  }
  return { algorithm, publicKey, place };
}

async function certify(
  keys: Keys,
  record: KeyRecord,
  issuerId: string | undefined,
  now: Date,
): Promise<KeyRecord['certificate'] | undefined> {
  const spec = keyRoleSpecs[record.role].certificate;
  if (spec === undefined) return undefined;
  const isRoot = spec.issuer === record.role;
  const issuer = isRoot ? record : findIssuer(keys.file, spec.issuer, issuerId);
  // Machines whose clock is a little late accept it, too.
  const notBefore = new Date(now.getTime() - dayMs);
  const wantedEnd = new Date(now.getTime() + spec.validDays * dayMs);
  const issuerPem = isRoot ? undefined : issuer.certificate?.pem;
  const issuerEnd = issuerPem === undefined ? wantedEnd : new Date(new X509Certificate(issuerPem).validTo);
  const request: CertificateRequest = {
    profile: spec.profile,
    organisation: keys.isDevelopment ? `${keys.name} (not for production)` : keys.name,
    commonName: `${keys.name} ${record.id}`,
    publicKeyPem: record.publicKeyPem,
    ...(issuerPem === undefined ? {} : { issuerPem }),
    notBefore,
    notAfter: issuerEnd < wantedEnd ? issuerEnd : wantedEnd,
  };
  return { pem: await issueCertificate(request, makeSigner(keys, issuer)), issuer: issuer.id };
}

function findIssuer(file: KeysFile, role: KeyRole, issuerId: string | undefined): KeyRecord {
  if (issuerId !== undefined) return recordOf(file, issuerId);
  const [issuer] = recordsOf(file, role, 'current');
  if (issuer !== undefined) return issuer;
  const above = keyRoleSpecs[role].certificate?.issuer;
  if (above === undefined || above === role) throw new Error(`there is no ${role} to issue a certificate`);
  return findIssuer(file, above, undefined);
}

/** Numbers are never given twice, so that a name always means the same key. */
function nextNumber(file: KeysFile, role: KeyRole): number {
  const taken = file.keys
    .filter((record) => record.role === role)
    .map((record) => Number(record.id.slice(role.length + 1)));
  return Math.max(0, ...taken) + 1;
}
