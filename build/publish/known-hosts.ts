import { createHmac } from 'node:crypto';

/** A public key that a server may show, as OpenSSH has it. */
export interface KnownKey {
  /** `ssh-ed25519`, … */
  readonly type: string;
  /** Base64. */
  readonly key: string;
  readonly isRevoked: boolean;
}

/** What `known_hosts` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) says of a server; certificate authorities are passed over. */
export function knownKeys(text: string, host: string, port: number): readonly KnownKey[] {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
    const [patterns = '', type = '', key = ''] = fields;
    if (patterns.startsWith('#') || key === '' || (marker !== undefined && marker !== '@revoked')) return [];
    return isNamed(patterns, name) ? [{ type, key, isRevoked: marker === '@revoked' }] : [];
  });
}

function isNamed(patterns: string, name: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(patterns) ?? [];
  if (salt !== undefined) {
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const list = patterns.toLowerCase().split(',');
  if (list.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), name))) return false;
  return list.some((pattern) => matches(pattern, name));
}

/** `*` and `?`, nothing else. */
function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

/** Signature algorithms to ask a server for, so that it shows a key that is known. */
export function hostKeyAlgorithms(keys: readonly KnownKey[]): string[] {
  const types = [...new Set(keys.filter((key) => !key.isRevoked).map(({ type }) => type))];
  return types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
}

export function isKnown(keys: readonly KnownKey[], shown: Buffer): boolean {
  const found = keys.filter(({ key }) => key === shown.toString('base64'));
  return found.length > 0 && found.every(({ isRevoked }) => !isRevoked);
}
