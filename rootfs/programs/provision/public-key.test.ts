import { expect, test } from '@jest/globals';
import { publicKeys } from '../testing/public-keys.ts';
import { checkPublicKey } from './public-key.ts';

const key = publicKeys.ed25519;
const blob = key.split(' ')[1] ?? '';

/** A key whose blob begins as RFC 4253, 6.6 says, and is long enough. */
function keyOf(type: string, namedInside = type): string {
  const bytes = Buffer.concat([
    Buffer.from([0, 0, 0, namedInside.length]),
    Buffer.from(namedInside),
    Buffer.alloc(40),
  ]);
  return `${type} ${bytes.toString('base64')}`;
}

test.each([
  ['plain', key, key],
  ['with a comment of two words', `${key} ann at home`, `${key} ann at home`],
  ['blanks around it', `  ${key}\tann \n`, `${key} ann`],
  ['rsa', keyOf('ssh-rsa'), keyOf('ssh-rsa')],
  ['security key', keyOf('sk-ssh-ed25519@openssh.com'), keyOf('sk-ssh-ed25519@openssh.com')],
])('%s', (_name, line, expected) => {
  expect(checkPublicKey(line)).toBe(expected);
});

test.each([
  ['nothing', ''],
  ['a word', 'hello'],
  ['type without key', 'ssh-ed25519'],
  ['options', `command="reboot" ${key}`],
  ['a second line', `${key}\n${key}`],
  ['a carriage return', `${key} a\rb`],
  ['DSA', keyOf('ssh-dss')],
  ['a key of another type', keyOf('ssh-ed25519', 'ssh-rsa')],
  ['not base64', 'ssh-ed25519 AAAA!AAA'],
  ['cut off', `ssh-ed25519 ${blob.slice(0, 12)}`],
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
  ['endless', `${key} ${'x'.repeat(9000)}`],
])('refused: %s', (_name, line) => {
  expect(checkPublicKey(line)).toBeUndefined();
});
