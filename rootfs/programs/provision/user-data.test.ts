import { describe, expect, test } from '@jest/globals';
import { publicKeys } from '../testing/public-keys.ts';
import { renderFault } from './fault.ts';
import { readUserData } from './user-data.ts';

const key = publicKeys.ed25519;

function read(body: string) {
  return readUserData(`#cloud-config\n${body}`);
}

function faults(body: string): readonly string[] {
  return read(body).faults.map(renderFault);
}

test('everything that is understood', () => {
  const data = read(`
hostname: box
fqdn: box.example.org
ssh_authorized_keys: [${key}]
users:
  - default
  - ann
  - name: bob
    uid: 1500
    gecos: "Bob: the builder"
    shell: /bin/sh
    ssh_authorized_keys: ${key}
    lock_passwd: false
    hashed_passwd: $6$salt$0123456789abcdef
  - name: root
    ssh_authorized_keys: [${key} second]
write_files:
  - path: /root/a
    content: text
  - path: /home/ann/b
    content: /wA=
    encoding: b64
    permissions: "0600"
    owner: ann:ann
    append: true
  - path: /run/keelson/files/c
    permissions: 0640
ntp:
  servers: [192.0.2.1, "2001:db8::1"]
  pools: [pool.example.org]
`);
  expect(data.faults).toEqual([]);
  expect(data).toMatchObject({
    hostname: 'box',
    fqdn: 'box.example.org',
    sshKeys: [key, `${key} second`],
    users: [
      { name: 'ann', uid: undefined, sshKeys: [] },
      {
        name: 'bob',
        uid: 1500,
        gecos: 'Bob the builder',
        shell: '/bin/sh',
        sshKeys: [key],
        passwordHash: '$6$salt$0123456789abcdef',
      },
    ],
    files: [
      { path: '/root/a', content: 'text', mode: 0o644, owner: 'root:root', isAppended: false },
      {
        path: '/home/ann/b',
        content: Uint8Array.of(255, 0),
        mode: 0o600,
        owner: 'ann:ann',
        isAppended: true,
      },
      { path: '/run/keelson/files/c', content: '', mode: 0o640 },
    ],
    ntp: { servers: ['192.0.2.1', '2001:db8::1'], pools: ['pool.example.org'] },
    notes: [],
  });
});

describe('faults', () => {
  test.each([
    [
      'hostname: -box',
      'user-data:2:11: hostname must be letters, digits and hyphens, in parts of at most 63',
    ],
    ['hostname: [a]', 'user-data:2:11: hostname must be a text'],
    ['- a', 'user-data:2:1: the file must be a mapping'],
    ['users: {}', 'user-data:2:8: users needs a name'],
    ['users: [{uid: 1}]', 'user-data:2:9: users[0] needs a name'],
    [
      'users: [Ann]',
      'user-data:2:9: users[0] must be a small letter, then small letters, digits, "_" and "-", 32 at most',
    ],
    ['users: [{name: a, uid: 0}]', 'user-data:2:24: users[0].uid must be a number from 1000 to 59999'],
    [
      'users: [{name: a, lock_passwd: false, passwd: secret}]',
      'user-data:2:47: users[0].passwd must be a hash as of mkpasswd(1)',
    ],
    [
      'users: [{name: a, lock_passwd: maybe, passwd: secret}]',
      'user-data:2:32: users[0].lock_passwd must be true or false',
    ],
    [
      'ssh_authorized_keys: [no key]',
      'user-data:2:23: ssh_authorized_keys[0] is not an SSH public key (type, key, comment on one line)',
    ],
    ['write_files: [{content: x}]', 'user-data:2:15: write_files[0] needs a path'],
    [
      'write_files: [{path: /root/../etc/passwd}]',
      'user-data:2:22: write_files[0].path must be an absolute path without "." and ".." parts',
    ],
    [
      'write_files: [{path: root/a}]',
      'user-data:2:22: write_files[0].path must be an absolute path without "." and ".." parts',
    ],
    [
      'write_files: [{path: /etc/passwd}]',
      'user-data:2:22: write_files[0].path is not below /home/, /root/, /run/keelson/files/, /var/lib/keelson/services/',
    ],
    [
      'write_files: [{path: /root/a, encoding: gz}]',
      'user-data:2:41: write_files[0].encoding must be text/plain, b64 or base64',
    ],
    [
      'write_files: [{path: /root/a, encoding: b64, content: "*"}]',
      'user-data:2:55: write_files[0].content is not base64',
    ],
    [
      'write_files: [{path: /root/a, permissions: rw}]',
      'user-data:2:44: write_files[0].permissions must be an octal number such as "0644"',
    ],
    [
      'write_files: [{path: /root/a, owner: "a b"}]',
      'user-data:2:38: write_files[0].owner must be "user" or "user:group"',
    ],
    ['ntp: {servers: [a b]}', 'user-data:2:17: ntp.servers[0] must be a host name or an address'],
    ['hostname: a\nhostname: b', 'user-data:3:1: hostname is set twice; the last one counts'],
    ['[a, b]: c', 'user-data:2:1: a key of the file must be a plain text'],
  ])('%j', (body, expected) => {
    expect(faults(body)).toContain(expected);
  });

  test.each([
    ['', []],
    ['\n', []],
    ['#cloud-config', []],
    ['#!/bin/sh\nreboot\n', ['user-data:1:1: the first line must be "#cloud-config"']],
    ['#cloud-configuration\n', ['user-data:1:1: the first line must be "#cloud-config"']],
  ])('file %j', (text, expected) => {
    expect(readUserData(text).faults.map(renderFault)).toEqual(expected);
  });
});

describe('the console that sessions land in', () => {
  const readConsole = (consoles: readonly string[]) => {
    const { console, faults: found } = readUserData('#cloud-config\nconsole: debian\n', consoles);
    return { console, faults: found.map(renderFault) };
  };

  test('one that the machine has', () => {
    expect(readConsole(['small', 'debian'])).toEqual({ console: 'debian', faults: [] });
  });

  test.each([
    [['small'], 'user-data:2:10: console must be the name of a console: one of small'],
    [[], 'user-data:2:10: console must be the name of a console: this machine has none'],
  ])('one that it does not have: %j', (consoles, fault) => {
    expect(readConsole(consoles)).toEqual({ console: undefined, faults: [fault] });
  });
});

test('what is good counts beside what is broken', () => {
  const data = read(`ssh_authorized_keys:\n  - ${key}\nhostname: "box\nusers: [`);
  expect(data.sshKeys).toEqual([key]);
  expect(data.faults.length).toBeGreaterThan(0);
  expect(data.faults[0]).toMatchObject({ file: 'user-data', line: expect.any(Number) });
});

test('what has no use here is noted, without its value', () => {
  expect(read('packages: [curl]\nusers: [{name: a, sudo: ALL, shell: /bin/zsh}]').notes).toEqual([
    'users[0].sudo is not used on this machine',
    'users[0].shell: only /bin/sh is on this machine; it is used instead',
    'packages is not used on this machine',
  ]);
});

describe('hostile', () => {
  test('aliases of aliases are not expanded', () => {
    const levels = Array.from(
      { length: 30 },
      (_, index) => `l${index + 1}: &l${index + 1} [*l${index}, *l${index}]`,
    );
    expect(read(`l0: &l0 [x]\n${levels.join('\n')}\nhostname: *l30`).faults.map(renderFault)).toEqual([
      'user-data:33:11: hostname must be a text',
    ]);
  });

  test('no more than 100 aliases are followed', () => {
    const keys = Array.from({ length: 101 }, () => '*k').join(', ');
    const data = read(`k: &k ${key}\nssh_authorized_keys: [${keys}]`);
    expect(data.sshKeys).toHaveLength(100);
    expect(data.faults.map((fault) => fault.message)).toEqual([
      'ssh_authorized_keys[100] is one alias too many; only 100 are followed',
    ]);
  });

  test('a list without end', () => {
    const data = read(`users: [${Array.from({ length: 300 }, (_, index) => `u${index}`).join(', ')}]`);
    expect(data.users).toHaveLength(200);
    expect(data.faults.map((fault) => fault.message)).toEqual([
      'users has more than 200 items; the rest is left out',
    ]);
  });

  test('more faults and unknown keys than a log should hold', () => {
    const data = read(Array.from({ length: 60 }, (_, index) => `k${index}: a\n- b: [`).join('\n'));
    expect(data.faults.length).toBe(51);
    expect(data.faults[50]?.message).toMatch(/^\d+ more faults$/);
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}: a`).join('\n');
    expect(read(keys).notes[50]).toBe('10 more keys are not used on this machine');
  });

  test('brackets in brackets', () => {
    expect(() => read(`hostname: ${'['.repeat(200_000)}`)).not.toThrow();
  });

  test('a user named after a property of objects', () => {
    expect(read('users: [__proto__, constructor]').users.map((user) => user.name)).toEqual([
      '__proto__',
      'constructor',
    ]);
  });
});
