import { expect, test } from '@jest/globals';
import { introduction, runUserData } from './run-machine.ts';

test('the user is told how to log in and how to leave', () => {
  expect(introduction(40001, { publicKey: 'ssh-ed25519 AAAA', privateKeyPath: undefined })).toEqual([
    "This terminal is the machine's serial console: Ctrl-A X takes its power away.",
    'Log in with: ssh -p 40001 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1',
  ]);
});

test('a key made for the machine is named in the command', () => {
  const [, command] = introduction(40001, { publicKey: 'x', privateKeyPath: '/m/login-key' });
  expect(command).toContain('ssh -p 40001 -i /m/login-key ');
});

test('a comment in the key cannot add to the user-data', () => {
  expect(runUserData('ssh-rsa AAAA it\'s "mine": #1')).toBe(
    '#cloud-config\nssh_authorized_keys:\n  - "ssh-rsa AAAA it\'s \\"mine\\": #1"\n',
  );
});
