import { X509Certificate } from 'node:crypto';
import type { KeyAlgorithm } from './key-algorithm.ts';
import type { KeyPlace, KeyRecord, KeyState } from './key-record.ts';
import { type KeyRole, keyRoleSpecs, keyRoles } from './key-role.ts';
import type { Keys } from './open-keys.ts';

/** What is public of one key. */
export interface KeyDescription {
  readonly id: string;
  readonly role: KeyRole;
  readonly what: string;
  readonly state: KeyState;
  readonly algorithm: KeyAlgorithm;
  /** SHA-256 of the public key. */
  readonly keyId: string;
  readonly isOffline: boolean;
  readonly place: KeyPlace['kind'];
  readonly created: string;
  readonly certificate?: {
    readonly subject: string;
    readonly issuer: string;
    /** SHA-256 of the certificate, hexadecimal. */
    readonly fingerprint: string;
    readonly serialNumber: string;
    readonly notBefore: string;
    readonly notAfter: string;
    /** Below 0 when it has ended. */
    readonly daysLeft: number;
    /** Whether less than a tenth of its life, or 30 days, is left. */
    readonly isEndingSoon: boolean;
  };
  readonly revoked?: NonNullable<KeyRecord['revoked']>;
}

const dayMs = 24 * 60 * 60 * 1000;

/** All keys, by role, the newest of each last. */
export function describeKeys(keys: Keys): readonly KeyDescription[] {
  const now = keys.workshop.host.now();
  return keyRoles.flatMap((role) =>
    keys.file.keys.filter((record) => record.role === role).map((record) => describeKey(record, now)),
  );
}

/** What to do soon, in words; empty when all is well. */
export function keyWarnings(descriptions: readonly KeyDescription[]): readonly string[] {
  return descriptions
    .filter(({ state }) => state === 'current' || state === 'next')
    .flatMap(({ id, role, state, certificate }) => {
      if (state === 'next')
        return [
          `${id} waits: when all machines run an image that trusts it, \`keelson keys rotate ${role} --finish\``,
        ];
      if (certificate === undefined || !certificate.isEndingSoon) return [];
      return certificate.daysLeft < 0
        ? [`${id} has ended and signs no more: \`keelson keys rotate ${role}\``]
        : [`${id} ends in ${certificate.daysLeft} days: \`keelson keys rotate ${role}\``];
    });
}

function describeKey(record: KeyRecord, now: number): KeyDescription {
  const { certificate, revoked, ...rest } = record;
  const { what, isOffline } = keyRoleSpecs[record.role];
  return {
    id: rest.id,
    role: rest.role,
    what,
    state: rest.state,
    algorithm: rest.algorithm,
    keyId: rest.keyId,
    isOffline,
    place: rest.place.kind,
    created: rest.created,
    ...(certificate === undefined ? {} : { certificate: describeCertificate(certificate.pem, now) }),
    ...(revoked === undefined ? {} : { revoked }),
  };
}

function describeCertificate(pem: string, now: number): NonNullable<KeyDescription['certificate']> {
  const certificate = new X509Certificate(pem);
  const notBefore = Date.parse(certificate.validFrom);
  const notAfter = Date.parse(certificate.validTo);
  const leftMs = notAfter - now;
  return {
    subject: onOneLine(certificate.subject),
    issuer: onOneLine(certificate.issuer),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serialNumber: certificate.serialNumber.toLowerCase(),
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    daysLeft: Math.floor(leftMs / dayMs),
    isEndingSoon: leftMs < Math.max((notAfter - notBefore) / 10, 30 * dayMs),
  };
}

const onOneLine = (name: string): string => name.split('\n').join(', ');
