import type { Metadata, Root } from '@tufjs/models';
import { keyIdOf, type MetadataRole } from './metadata.ts';
import { RefusalError } from './refusal.ts';

const roles: readonly MetadataRole[] = ['root', 'timestamp', 'snapshot', 'targets'];

/**
 * What the library leaves open: every key is an Ed25519 key under the id that its content gives (so that no key counts twice
 * towards a threshold), every threshold can be met, and snapshots are consistent (specification, 6.2).
 */
export function checkRoot({ signed }: Metadata<Root>): void {
  if (!signed.consistentSnapshot) throw malformed('snapshots are not consistent');
  for (const [id, key] of Object.entries(signed.keys)) {
    if (
      key.keyType !== 'ed25519' ||
      key.scheme !== 'ed25519' ||
      !/^[0-9a-f]{64}$/.test(key.keyVal.public ?? '')
    ) {
      throw malformed('a key is not of Ed25519');
    }
    if (keyIdOf(key.toJSON()) !== id) throw malformed('a key has the id of another');
  }
  for (const name of roles) {
    const role = signed.roles[name];
    if (role === undefined) throw malformed(`there is no role ${name}`);
    const known = role.keyIDs.filter((id) => Object.hasOwn(signed.keys, id));
    if (!Number.isSafeInteger(role.threshold) || role.threshold < 1 || known.length < role.threshold) {
      throw malformed(`the role ${name} has fewer keys than its threshold`);
    }
  }
}

/** Whether keys of the roles that say what is new have changed: then what they said before is forgotten. */
export function hasRotatedIndexKeys(before: Metadata<Root>, after: Metadata<Root>): boolean {
  const keysOf = (root: Metadata<Root>, role: MetadataRole) =>
    [...(root.signed.roles[role]?.keyIDs ?? [])].sort().join(' ');
  return roles.some((role) => role !== 'root' && keysOf(before, role) !== keysOf(after, role));
}

function malformed(what: string): RefusalError {
  return new RefusalError('ROOT_MALFORMED', `root.json: ${what}`);
}
