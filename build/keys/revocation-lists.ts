import { X509Certificate } from 'node:crypto';
import { withFile } from './add-key.ts';
import { issueRevocationList, type Revocation } from './issue-revocation-list.ts';
import type { KeyRecord } from './key-record.ts';
import { type Keys, makeSigner, recordOf } from './open-keys.ts';

/** Roles whose certificates machines check against a list; the firmware has dbx for the others. */
const listedIssuers = ['root', 'update-ca'];

/** Makes the lists of authorities that have none yet: a machine that checks lists wants one of each. */
export async function addMissingLists(keys: Keys): Promise<Keys> {
  let result = keys;
  for (const record of keys.file.keys) {
    const isListed = listedIssuers.includes(record.role) && record.state !== 'revoked';
    if (isListed && keys.file.revocationLists[record.id] === undefined)
      result = await renewList(result, record.id);
  }
  return result;
}

/** Issues the next list of an authority from what is marked as revoked. */
export async function renewList(keys: Keys, issuerId: string): Promise<Keys> {
  const issuer = recordOf(keys.file, issuerId);
  const issuerPem = issuer.certificate?.pem ?? '';
  const number = (keys.file.revocationLists[issuerId]?.number ?? 0) + 1;
  const request = {
    issuerPem,
    number,
    revoked: keys.file.keys.flatMap((record) => revocationBy(issuer, record)),
    thisUpdate: new Date(keys.workshop.host.now() - 24 * 60 * 60 * 1000),
    nextUpdate: new Date(new X509Certificate(issuerPem).validTo),
  };
  const pem = await issueRevocationList(request, makeSigner(keys, issuer));
  return withFile(keys, {
    ...keys.file,
    revocationLists: { ...keys.file.revocationLists, [issuerId]: { number, pem } },
  });
}

function revocationBy(issuer: KeyRecord, { certificate, revoked }: KeyRecord): Revocation[] {
  if (certificate?.issuer !== issuer.id || revoked === undefined) return [];
  return [{ certificatePem: certificate.pem, at: new Date(revoked.at), reason: revoked.reason }];
}
