import { KeelsonError } from '../errors/keelson-error.ts';
import { withState } from './add-key.ts';
import { enrolmentFiles } from './enrolment-files.ts';
import type { RevocationReason } from './issue-revocation-list.ts';
import type { KeyRecord } from './key-record.ts';
import type { KeyRole } from './key-role.ts';
import { saveKeys } from './make-keys.ts';
import { type Keys, recordsOf } from './open-keys.ts';
import { addMissingLists, renewList } from './revocation-lists.ts';
import { announce, findSubject, replace } from './rotate-keys.ts';

export interface RevokeOptions {
  /** A role, for its current key, or the id of a key. */
  readonly subject: string;
  readonly reason: RevocationReason;
}

/** By what a machine learns that a key is revoked; the others can only be replaced. */
const revocable: Partial<Readonly<Record<KeyRole, 'list' | 'dbx'>>> = {
  'update-ca': 'list',
  update: 'list',
  'boot-db': 'dbx',
  boot: 'dbx',
};

/**
 * Marks a key as revoked and issues the list (for what boots: dbx) that images carry from the next build on. A key that is in
 * use gets a successor.
 */
export async function revokeKey(keys: Keys, { subject, reason }: RevokeOptions): Promise<Keys> {
  const { role, record } = findSubject(keys, subject);
  if (record === undefined || record.state === 'revoked') throw nothingToRevoke(subject);
  if (revocable[role] === undefined) throw notRevocable(record);
  const revoked = { at: new Date(keys.workshop.host.now()).toISOString(), reason };
  let result = withState(keys, record.id, { state: 'revoked', revoked });
  if (revocable[role] === 'list') result = await renewList(result, record.certificate?.issuer ?? '');
  if (record.state === 'current') result = await succeed(result, role);
  return saveKeys(await enrolmentFiles(await addMissingLists(result)));
}

/**
 * A leaf is replaced at once. An authority's successor must be announced first; until it signs, the issuer above it certifies
 * the leaf, so that machines which know nothing of the successor yet take updates, too.
 */
async function succeed(keys: Keys, role: KeyRole): Promise<Keys> {
  switch (role) {
    case 'update-ca': {
      const isOpen = recordsOf(keys.file, role, 'next').length > 0;
      return await replace(isOpen ? keys : await announce(keys, { role }), { role: 'update' });
    }
    case 'boot-db':
      return await replace(await replace(keys, { role }), { role: 'boot' });
    default:
      return await replace(keys, { role });
  }
}

function nothingToRevoke(subject: string): KeelsonError {
  return new KeelsonError({
    code: 'KEY_REVOKED',
    class: 'input',
    message: `Cannot revoke ${subject}: there is no such key, or it is revoked already`,
    hint: 'See the keys with `keelson keys show`.',
  });
}

function notRevocable({ id, role }: KeyRecord): KeelsonError {
  return new KeelsonError({
    code: 'KEY_NOT_REVOCABLE',
    class: 'input',
    message: `Cannot revoke ${id}: machines trust it by itself, nobody can take that back but a new image`,
    hint: `Replace it with \`keelson keys rotate ${role === 'tuf-root' ? id : role}\`, and release.`,
  });
}
