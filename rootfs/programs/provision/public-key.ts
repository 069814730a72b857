import { decodeBase64 } from '../shared/base64.ts';

const types = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const;

const longestKey = 8192;

/**
 * A line for an authorized_keys file: type, key, comment. `undefined` for anything else: options before the type, a second
 * line, a type that OpenSSH does not take any more, or a key that is not of its type (RFC 4253, 6.6).
 */
export function checkPublicKey(line: string): string | undefined {
  const trimmed = line.trim();
  const [type, key, ...comment] = trimmed.split(/[ \t]+/);
  if (
    trimmed.length > longestKey ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in it.
    /[\u0000-\u0008\u000a-\u001f\u007f]/.test(trimmed) ||
    !types.some((known) => known === type) ||
    type === undefined ||
    key === undefined
  ) {
    return undefined;
  }
  const bytes = decodeBase64(key);
  if (bytes === undefined || bytes.length < type.length + 8) {
    return undefined;
  }
  const named = String.fromCharCode(...bytes.subarray(4, 4 + type.length));
  const hasLength = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === type.length;
  return hasLength && named === type ? [type, key, ...comment].join(' ') : undefined;
}
