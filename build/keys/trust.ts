import type { KeyRecord } from './key-record.ts';
import { type Keys, recordOf, recordsOf } from './open-keys.ts';

/** Roots that images built now trust: the current one and, while it is being rotated, the next. PEM. */
export function trustAnchors(keys: Keys): string {
  return trustedRoots(keys)
    .map((record) => record.certificate?.pem ?? '')
    .join('');
}

/** The newest revocation lists of all authorities below those roots, and of the roots themselves. PEM. */
export function revocationLists(keys: Keys): string {
  const roots = new Set(trustedRoots(keys).map((record) => record.id));
  return Object.entries(keys.file.revocationLists)
    .filter(([id]) => roots.has(id) || roots.has(recordOf(keys.file, id).certificate?.issuer ?? ''))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, list]) => list.pem)
    .join('');
}

/** RAUC's keyring file, for `check-crl=true`: roots and revocation lists together. */
export function updateKeyring(keys: Keys): string {
  return trustAnchors(keys) + revocationLists(keys);
}

function trustedRoots(keys: Keys): readonly KeyRecord[] {
  return recordsOf(keys.file, 'root', 'current', 'next');
}
