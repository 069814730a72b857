import { createHash } from 'node:crypto';
import { withFile } from './add-key.ts';
import { certificateList, revokedCertificateList, signEfiVariable } from './efi-variable.ts';
import { type EfiVariableName, efiVariableNames } from './efi-variable-names.ts';
import type { KeyRecord } from './key-record.ts';
import type { KeyRole } from './key-role.ts';
import { type Keys, recordsOf, signerFor } from './open-keys.ts';

/**
 * What a machine's firmware is given at enrolment, and by whom it is signed. Platform and key exchange keys change
 * only when their rotation is finished: a machine has one PK.
 */
const variables: Readonly<Record<EfiVariableName, { readonly signer: KeyRole }>> = {
  PK: { signer: 'boot-pk' },
  KEK: { signer: 'boot-pk' },
  db: { signer: 'boot-kek' },
  dbx: { signer: 'boot-kek' },
};

/**
 * Makes the variables of Secure Boot that are missing or no longer say what the keys say. They are kept with the keys, as
 * a build has no offline keys to sign them with.
 */
export async function enrolmentFiles(keys: Keys): Promise<Keys> {
  let enrolment = keys.file.enrolment;
  for (const name of efiVariableNames) {
    const content = variableContent(keys, name);
    if (content === undefined) continue;
    const signer = signerFor(keys, variables[name].signer);
    const contentSha256 = createHash('sha256').update(content).digest('hex');
    const earlier = enrolment[name];
    if (earlier?.contentSha256 === contentSha256 && earlier.signerKeyId === signer.keyId) continue;
    const auth = await signEfiVariable(signer, name, content, new Date(keys.workshop.host.now()));
    enrolment = {
      ...enrolment,
      [name]: { contentSha256, signerKeyId: signer.keyId, auth: Buffer.from(auth).toString('base64') },
    };
  }
  return withFile(keys, { ...keys.file, enrolment });
}

function variableContent({ file }: Keys, name: EfiVariableName): Uint8Array | undefined {
  const owner = ownerGuid(file.name, file.created);
  const pems = (records: readonly KeyRecord[]) => records.map((record) => record.certificate?.pem ?? '');
  switch (name) {
    case 'PK':
      return certificateList(pems(recordsOf(file, 'boot-pk', 'current')), owner);
    case 'KEK':
      return certificateList(pems(recordsOf(file, 'boot-kek', 'current', 'next')), owner);
    case 'db':
      return certificateList(pems(recordsOf(file, 'boot-db', 'current', 'next')), owner);
    case 'dbx': {
      const revoked = [...recordsOf(file, 'boot-db', 'revoked'), ...recordsOf(file, 'boot', 'revoked')];
      return revoked.length === 0 ? undefined : revokedCertificateList(pems(revoked), owner);
    }
  }
}

/** Says who put an entry into a database; derived, so that it stays. */
function ownerGuid(name: string, created: string): string {
  const hex = createHash('sha256').update(`keelson keys ${name} ${created}`).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
