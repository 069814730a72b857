import { describe, expect, test } from '@jest/globals';
import { demoService } from '../testing/demo-service.ts';
import { makeApparmorPolicy } from './apparmor-policy.ts';
import type { ServiceDefinition } from './service-definition.ts';

const rulesOf = (changes: Partial<ServiceDefinition>): readonly string[] =>
  (makeApparmorPolicy(demoService(changes)) ?? '').split('\n').map((line) => line.trim().replace(/,$/, ''));

const own = demoService().namespaces;
const bind = { isRecursive: false, propagation: 'private' } as const;

test('a service that asks for nothing', () => {
  expect(makeApparmorPolicy(demoService())).toMatchInlineSnapshot(`
"profile keelson.web flags=(attach_disconnected,mediate_deleted) {
  / r,
  /** rmix,
  "/dev/mqueue{,/}" rwkl,
  "/dev/mqueue/**" rwkl,
  audit deny "/dev/mqueue{,/}" mx,
  audit deny "/dev/mqueue/**" mx,
  "/dev/shm{,/}" rwkl,
  "/dev/shm/**" rwkl,
  audit deny "/dev/shm{,/}" mx,
  audit deny "/dev/shm/**" mx,
  "/run{,/}" rwkl,
  "/run/**" rwkl,
  audit deny "/run{,/}" mx,
  audit deny "/run/**" mx,
  "/tmp{,/}" rwkl,
  "/tmp/**" rwkl,
  audit deny "/tmp{,/}" mx,
  audit deny "/tmp/**" mx,
  /run/keelson/log/socket rw,
  /dev/log rw,
  "/run/keelson/pipes/web.*" rw,
  audit deny "/{proc,sys}/**" mx,
  owner "/proc/[0-9]*/**" rw,
  audit deny /proc/sysrq-trigger rwkl,
  audit deny /proc/kcore rwkl,
  audit deny "/sys/firmware/**" rwkl,
  audit deny "/sys/kernel/security/**" rwkl,
  /dev/{console,full,null,ptmx,random,tty,urandom,zero} rw,
  "/dev/pts/**" rw,
  network unix,
  network netlink,
  network inet stream,
  network inet dgram,
  network inet6 stream,
  network inet6 dgram,
  signal receive,
  signal send peer=keelson.web,
  ptrace (tracedby, readby),
  ptrace (trace, read) peer=keelson.web,
}
"
`);
});

describe('what is asked for is allowed', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>, readonly string[]])[] = [
    ['a capability', { capabilities: ['CAP_SYS_TIME'] }, ['capability sys_time']],
    ['raw sockets', { capabilities: ['CAP_NET_RAW'] }, ['network packet', 'network inet raw']],
    ['a device', { devices: ['/dev/ttyS0'] }, ['"/dev/ttyS0" rw']],
    ['all devices', { devices: 'all' }, ['"/dev/**" rwk']],
    [
      'a path on state, which is not run',
      { writable: ['/var/lib/web'] },
      ['"/var/lib/web/**" rwkl', 'audit deny "/var/lib/web/**" mx'],
    ],
    [
      'a mount that is written, which is not run either',
      { mounts: [{ ...bind, source: '/a', target: '/b', isReadOnly: false }] },
      ['"/b{,/}" rwkl', '"/b/**" rwkl', 'audit deny "/b/**" mx'],
    ],
    [
      'a socket below a mount that is not',
      { mounts: [{ ...bind, source: '/a', target: '/b', isReadOnly: true }] },
      ['"/b/**" rw'],
    ],
    [
      'a whole tree',
      { mounts: [{ ...bind, source: '/a', target: '/', isReadOnly: true }] },
      ['"/" rw', '"/**" rw'],
    ],
    ['a writable root', { isRootReadOnly: false }, ['/** rwklmix']],
    [
      'an administrator',
      { capabilities: ['CAP_SYS_ADMIN'] },
      ['capability sys_admin', 'mount', 'umount', 'pivot_root', 'userns'],
    ],
    [
      'who stops all processes of the machine',
      { capabilities: ['CAP_KILL'], namespaces: { ...own, pid: 'machine' } },
      ['signal send'],
    ],
    [
      'who looks at all processes of the machine',
      { capabilities: ['CAP_SYS_PTRACE'], namespaces: { ...own, pid: 'machine' } },
      ['ptrace (trace, read)'],
    ],
  ];
  test.each(situations)('%s', (_, changes, rules) => {
    expect(rulesOf(changes)).toEqual(expect.arrayContaining([...rules]));
    expect(rulesOf({})).not.toEqual(expect.arrayContaining([...rules]));
  });
});

test('what is special in a pattern is escaped', () => {
  expect(rulesOf({ writable: ['/var/a*b{c}'] })).toContain(String.raw`"/var/a\*b\{c\}/**" rwkl`);
});

test('rules of its own take the place of all others', () => {
  expect(makeApparmorPolicy(demoService({ apparmor: { path: '/r', rules: '  /** r,\n\n' } }))).toBe(
    'profile keelson.web flags=(attach_disconnected,mediate_deleted) {\n  /** r,\n}\n',
  );
});

test('no policy', () => {
  expect(makeApparmorPolicy(demoService({ apparmor: 'unconfined' }))).toBeUndefined();
});
