import { expect, test } from '@jest/globals';
import { planLogins, writeAccountFiles } from './accounts.ts';
import { readUserData } from './user-data.ts';

const engineUsers = [
  { name: 'root', uid: 0, sshKeys: ['recipe-key'] },
  { name: 'ops', uid: 1000, sshKeys: [] },
];

function plan(body: string, known: Record<string, number> = {}) {
  const { logins, notes } = planLogins(engineUsers, readUserData(`#cloud-config\n${body}`), known);
  return { users: logins.map(({ name, uid }) => `${name}=${uid}`).join(' '), notes };
}

test.each<[string, string, Record<string, number>, string, readonly string[]]>([
  ['the recipe alone', '', {}, 'root=0 ops=1000', []],
  ['the next free number', 'users: [ann, bob]', {}, 'root=0 ops=1000 ann=1001 bob=1002', []],
  ['the number it had', 'users: [bob]', { ann: 1001, bob: 1002 }, 'root=0 ops=1000 bob=1002', []],
  [
    'a number that is asked for',
    'users: [ann, {name: bob, uid: 1001}]',
    {},
    'root=0 ops=1000 ann=1002 bob=1001',
    [],
  ],
  ['an account of the recipe keeps its number', 'users: [{name: ops, uid: 1500}]', {}, 'root=0 ops=1000', []],
  [
    "somebody else's number",
    'users: [{name: ann, uid: 1000}]',
    {},
    'root=0 ops=1000',
    ["user ann is left out: uid 1000 is ops's"],
  ],
])('%s', (_name, body, known, users, notes) => {
  expect(plan(body, known)).toEqual({ users, notes });
});

test('files of accounts', () => {
  const data = readUserData(
    '#cloud-config\nusers: [{name: ann, gecos: Ann, lock_passwd: false, passwd: $y$j9T$0123456789}]',
  );
  const { logins } = planLogins(engineUsers, data, {});
  expect(writeAccountFiles(logins)).toEqual({
    passwd:
      'root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\nann:x:1001:1001:Ann:/home/ann:/bin/sh\n' +
      'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    group: 'root:x:0:\nops:x:1000:\nann:x:1001:\ntty:x:5:\nnogroup:x:65534:\n',
    shadow: 'root:*:::::::\nops:*:::::::\nann:$y$j9T$0123456789:::::::\nnobody:*:::::::\n',
  });
});
