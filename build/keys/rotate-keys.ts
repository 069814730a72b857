import { KeelsonError } from '../errors/keelson-error.ts';
import { addKey, type ForeignPlace, withState } from './add-key.ts';
import { enrolmentFiles } from './enrolment-files.ts';
import type { KeyRecord } from './key-record.ts';
import { isKeyRole, type KeyRole, keyRoleSpecs } from './key-role.ts';
import { saveKeys } from './make-keys.ts';
import { type Keys, recordOf, recordsOf } from './open-keys.ts';
import { addMissingLists } from './revocation-lists.ts';

/**
 * Keys that machines must have heard of before they sign: roots and Secure Boot's databases by their certificate, authorities by
 * their revocation list (a machine refuses a chain with an authority whose list it lacks). They change in two steps
 * with a release between: first images know the old and the new one, then the new one signs and the old one is forgotten.
 * What they certify changes in one step.
 */
const announced: readonly KeyRole[] = ['root', 'update-ca', 'boot-pk', 'boot-kek', 'boot-db'];

/** Signers that need a new certificate when their issuer is replaced. */
const leaves: Partial<Readonly<Record<KeyRole, KeyRole>>> = {
  root: 'update',
  'update-ca': 'update',
  'boot-db': 'boot',
};

export interface RotateOptions {
  /** A role, or the id of a key where a role has several. */
  readonly subject: string;
  /** The second step, for keys that machines must have heard of. */
  readonly isFinish?: boolean;
  readonly place?: ForeignPlace;
}

export interface ReplaceRequest {
  readonly role: KeyRole;
  readonly place?: ForeignPlace;
}

export async function rotateKeys(keys: Keys, options: RotateOptions): Promise<Keys> {
  const { role, record } = findSubject(keys, options.subject);
  const request = { role, ...(options.place === undefined ? {} : { place: options.place }) };
  const rotated = await rotate(keys, request, record, options.isFinish === true);
  return saveKeys(await addMissingLists(await enrolmentFiles(rotated)));
}

function rotate(
  keys: Keys,
  request: ReplaceRequest,
  old: KeyRecord | undefined,
  isFinish: boolean,
): Promise<Keys> {
  const isAnnounced = announced.includes(request.role);
  if (isAnnounced) return isFinish ? finish(keys, request.role) : announce(keys, request);
  if (isFinish) throw notOpen(request.role);
  return replace(keys, request, old);
}

/** First step: new images know the new key, which does not sign yet. A new root brings its own authority. */
export async function announce(keys: Keys, request: ReplaceRequest): Promise<Keys> {
  const [open] = [request.role, followerOf(request.role)].flatMap((role) =>
    recordsOf(keys.file, role, 'next'),
  );
  if (open !== undefined) throw alreadyOpen(request.role, open);
  const result = await addKey(keys, { ...request, state: 'next' });
  if (request.role !== 'root') return result;
  const [root] = recordsOf(result.file, 'root', 'next');
  return await addKey(result, { role: 'update-ca', state: 'next', issuerId: root?.id ?? '' });
}

/** Second step: the new key signs, and is the only one in new images. */
async function finish(keys: Keys, role: KeyRole): Promise<Keys> {
  if (recordsOf(keys.file, role, 'next').length === 0) throw notOpen(role);
  if (role === 'update-ca' && recordsOf(keys.file, 'root', 'next').length > 0)
    throw alreadyOpen(role, recordsOf(keys.file, 'root', 'next')[0] as KeyRecord);
  const result = promote(role === 'root' ? promote(keys, 'update-ca') : keys, role);
  const leaf = leaves[role];
  return leaf === undefined ? result : await replace(result, { role: leaf });
}

function promote(keys: Keys, role: KeyRole): Keys {
  const retired = recordsOf(keys.file, role, 'current').reduce(
    (result, old) => withState(result, old.id, { state: 'retired' }),
    keys,
  );
  return recordsOf(keys.file, role, 'next').reduce(
    (result, next) => withState(result, next.id, { state: 'current' }),
    retired,
  );
}

/** One step: the new key signs from now on. `old` is left out for all current ones of the role. */
export async function replace(keys: Keys, request: ReplaceRequest, old?: KeyRecord): Promise<Keys> {
  const olds = old === undefined ? recordsOf(keys.file, request.role, 'current') : [old];
  const result = olds
    .filter((record) => record.state === 'current')
    .reduce((changed, record) => withState(changed, record.id, { state: 'retired' }), keys);
  return await addKey(result, { ...request, state: 'current' });
}

export function findSubject(
  keys: Keys,
  subject: string,
): { readonly role: KeyRole; readonly record: KeyRecord | undefined } {
  if (!isKeyRole(subject)) {
    const record = recordOf(keys.file, subject);
    return { role: record.role, record };
  }
  const records = recordsOf(keys.file, subject, 'current');
  if (keyRoleSpecs[subject].count > 1) {
    throw new KeelsonError({
      code: 'KEY_AMBIGUOUS',
      class: 'input',
      message: `Cannot tell which key for ${subject} is meant`,
      hint: `Name one of ${records.map((record) => record.id).join(', ')}.`,
    });
  }
  return { role: subject, record: records[0] };
}

function followerOf(role: KeyRole): KeyRole {
  return role === 'root' ? 'update-ca' : role;
}

function alreadyOpen(role: KeyRole, next: KeyRecord): KeelsonError {
  return new KeelsonError({
    code: 'KEY_ROTATION_OPEN',
    class: 'input',
    message: `Cannot rotate ${role} now: ${next.id} is waiting`,
    hint: `When all machines run an image built since, run \`keelson keys rotate ${next.role} --finish\`.`,
  });
}

function notOpen(role: KeyRole): KeelsonError {
  const isAnnounced = announced.includes(role);
  return new KeelsonError({
    code: 'KEY_ROTATION_ABSENT',
    class: 'input',
    message: `Cannot finish to rotate ${role}: ${isAnnounced ? 'no new key is waiting' : 'it changes in one step'}`,
    hint: isAnnounced ? `Begin with \`keelson keys rotate ${role}\`.` : 'Leave out --finish.',
  });
}
