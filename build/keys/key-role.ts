import type { KeyAlgorithm } from './key-algorithm.ts';

const year = 365;

interface RoleSpec {
  readonly what: string;
  readonly algorithm: KeyAlgorithm;
  /** How many keys the role has at a time. */
  readonly count: number;
  /** Offline keys are needed a few times a year: their files belong on a medium that is kept apart. */
  readonly isOffline: boolean;
  /** Roles of X.509 have a certificate; those of The Update Framework do not. */
  readonly certificate?: {
    readonly profile: 'root' | 'authority' | 'update' | 'boot';
    readonly issuer: KeyRole;
    readonly validDays: number;
  };
}

export const keyRoles = [
  'root',
  'update-ca',
  'update',
  'boot-pk',
  'boot-kek',
  'boot-db',
  'boot',
  'tuf-root',
  'tuf-targets',
  'tuf-snapshot',
  'tuf-timestamp',
] as const;

export type KeyRole = (typeof keyRoles)[number];

/**
 * Who signs what. Firmware knows RSA with 2048 bits for certain and little else, so everything that it sees is RSA; it
 * enrols intermediates, not the root, as computers are sold with them.
 */
export const keyRoleSpecs: Readonly<Record<KeyRole, RoleSpec>> = {
  root: {
    what: 'trust anchor of update bundles',
    algorithm: 'rsa-3072',
    count: 1,
    isOffline: true,
    certificate: { profile: 'root', issuer: 'root', validDays: 20 * year },
  },
  'update-ca': {
    what: 'issues the certificates that sign update bundles',
    algorithm: 'ecdsa-p256',
    count: 1,
    isOffline: true,
    certificate: { profile: 'authority', issuer: 'root', validDays: 10 * year },
  },
  update: {
    what: 'signs update bundles',
    algorithm: 'ecdsa-p256',
    count: 1,
    isOffline: false,
    certificate: { profile: 'update', issuer: 'update-ca', validDays: year },
  },
  'boot-pk': {
    what: 'Secure Boot platform key: owns a machine',
    algorithm: 'rsa-2048',
    count: 1,
    isOffline: true,
    certificate: { profile: 'authority', issuer: 'root', validDays: 19 * year },
  },
  'boot-kek': {
    what: 'Secure Boot key exchange key: changes db and dbx',
    algorithm: 'rsa-2048',
    count: 1,
    isOffline: true,
    certificate: { profile: 'authority', issuer: 'root', validDays: 19 * year },
  },
  'boot-db': {
    what: 'Secure Boot db: issues the certificates that sign what boots',
    algorithm: 'rsa-2048',
    count: 1,
    isOffline: true,
    certificate: { profile: 'authority', issuer: 'root', validDays: 19 * year },
  },
  boot: {
    what: 'signs boot loaders, unified kernel images and addons',
    algorithm: 'rsa-2048',
    count: 1,
    isOffline: false,
    certificate: { profile: 'boot', issuer: 'boot-db', validDays: year },
  },
  'tuf-root': {
    what: 'says which keys the channel has; two of three must agree',
    algorithm: 'ed25519',
    count: 3,
    isOffline: true,
  },
  'tuf-targets': { what: 'says what is released', algorithm: 'ed25519', count: 1, isOffline: false },
  'tuf-snapshot': {
    what: "says which of the channel's files belong together",
    algorithm: 'ed25519',
    count: 1,
    isOffline: false,
  },
  'tuf-timestamp': {
    what: 'says what is newest, every few days',
    algorithm: 'ed25519',
    count: 1,
    isOffline: false,
  },
};

export function isKeyRole(text: string): text is KeyRole {
  return (keyRoles as readonly string[]).includes(text);
}
