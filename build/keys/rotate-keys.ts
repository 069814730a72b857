import { KeelsonError } from '../errors/keelson-error.ts';
import { addKey, type ForeignPlace, withState } from './add-key.ts';
import { enrolmentFiles } from './enrolment-files.ts';
import type { KeyRecord } from './key-record.ts';
import { isKeyRole, type KeyRole, keyRoleSpecs } from './key-role.ts';
import { saveKeys } from './make-keys.ts';
import { type Keys, recordOf, recordsOf } from './open-keys.ts';
import { addMissingLists } from './revocation-lists.ts';

/**
 * Keys that machines know by themselves. They change in two steps with a release between: first images trust the old and
 * the new one, then the new one signs and the old one is forgotten. What these keys certify changes in one step.
 */
const anchors: readonly KeyRole[] = ['root', 'boot-pk', 'boot-kek', 'boot-db'];

/** Signers that need a new certificate when their issuer is replaced. */
const followers: Partial<Readonly<Record<KeyRole, readonly KeyRole[]>>> = {
  root: ['update-ca', 'update'],
  'update-ca': ['update'],
  'boot-db': ['boot'],
};

export interface RotateOptions {
  /** A role, or the id of a key where a role has several. */
  readonly subject: string;
  /** The second step, for keys that machines know by themselves. */
  readonly isFinish?: boolean;
  readonly place?: ForeignPlace;
}

export async function rotateKeys(keys: Keys, options: RotateOptions): Promise<Keys> {
  return saveKeys(await addMissingLists(await enrolmentFiles(await rotate(keys, options))));
}

async function rotate(keys: Keys, { subject, isFinish = false, place }: RotateOptions): Promise<Keys> {
  const { role, record } = findSubject(keys, subject);
  const request = { role, ...(place === undefined ? {} : { place }) };
  if (!anchors.includes(role)) {
    if (isFinish) throw notOpen(role);
    return await replace(keys, role, record, request);
  }
  const [next] = recordsOf(keys.file, role, 'next');
  if (!isFinish) {
    if (next !== undefined) throw alreadyOpen(next);
    return await addKey(keys, { ...request, state: 'next' });
  }
  if (next === undefined) throw notOpen(role);
  let result = record === undefined ? keys : withState(keys, record.id, { state: 'retired' });
  result = withState(result, next.id, { state: 'current' });
  return await replaceFollowers(result, role);
}

/** One step: the new key signs from now on. */
export async function replace(
  keys: Keys,
  role: KeyRole,
  old: KeyRecord | undefined,
  request: { readonly role: KeyRole; readonly place?: ForeignPlace } = { role },
): Promise<Keys> {
  const result = old?.state === 'current' ? withState(keys, old.id, { state: 'retired' }) : keys;
  return await replaceFollowers(await addKey(result, { ...request, state: 'current' }), role);
}

async function replaceFollowers(keys: Keys, role: KeyRole): Promise<Keys> {
  let result = keys;
  for (const follower of followers[role] ?? []) {
    for (const old of recordsOf(result.file, follower, 'current'))
      result = withState(result, old.id, { state: 'retired' });
    result = await addKey(result, { role: follower, state: 'current' });
  }
  return result;
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

function alreadyOpen(next: KeyRecord): KeelsonError {
  return new KeelsonError({
    code: 'KEY_ROTATION_OPEN',
    class: 'input',
    message: `Cannot begin to rotate ${next.role}: ${next.id} is already waiting`,
    hint: `Release images that trust it to all machines, then run \`keelson keys rotate ${next.role} --finish\`.`,
  });
}

function notOpen(role: KeyRole): KeelsonError {
  const isAnchor = anchors.includes(role);
  return new KeelsonError({
    code: 'KEY_ROTATION_ABSENT',
    class: 'input',
    message: `Cannot finish to rotate ${role}: ${isAnchor ? 'no new key is waiting' : 'it changes in one step'}`,
    hint: isAnchor ? `Begin with \`keelson keys rotate ${role}\`.` : 'Leave out --finish.',
  });
}
