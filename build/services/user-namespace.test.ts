import { describe, expect, test } from '@jest/globals';
import type { FaultsError } from '../errors/keelson-error.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { Tree } from '../rootfs/tree.ts';
import { demoService } from '../testing/demo-service.ts';
import type { NamespaceChoice, ServiceDefinition } from './service-definition.ts';
import { makeUserMappings, settleUserNamespace } from './user-namespace.ts';

const own = demoService().namespaces;
const bind = { isRecursive: false, propagation: 'private', source: '/a', target: '/a' } as const;

function rootWith(mode: number, uid = 0): Tree {
  return new Map([['/etc/web', { type: 'file', mode, uid, gid: 0, content: bytesOf(''), origin: 'test' }]]);
}

const settle = (changes: Partial<ServiceDefinition>, root = rootWith(0o644)): NamespaceChoice | undefined =>
  settleUserNamespace(demoService(changes), root).namespaces.user;

describe('users of its own', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>])[] = [
    ['for a service that asks for nothing', {}],
    ['with state', { writable: ['/data'] }],
    ['with capabilities over its own files', { capabilities: ['CAP_CHOWN', 'CAP_SETUID'] }],
    ['with capabilities over its own network', { capabilities: ['CAP_NET_ADMIN'] }],
    ['on the machine’s network', { namespaces: { ...own, network: 'machine' } }],
    ['reading what is the machine’s', { mounts: [{ ...bind, isReadOnly: true }] }],
  ];
  test.each(situations)('%s', (_, changes) => expect(settle(changes)).toBe('own'));
});

describe('users of the machine', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>, string])[] = [
    ['the clock', { capabilities: ['CAP_SYS_TIME'] }, "CAP_SYS_TIME holds only for the machine's own"],
    [
      'a port of the machine',
      { capabilities: ['CAP_NET_BIND_SERVICE'], namespaces: { ...own, network: 'machine' } },
      "CAP_NET_BIND_SERVICE holds only for the machine's own",
    ],
    [
      'processes of the machine',
      { namespaces: { ...own, pid: 'machine' } },
      "it shares the machine's pid namespace",
    ],
    ['a device', { devices: ['/dev/kmsg'] }, 'devices belong to users of the machine'],
    [
      'a folder of the machine',
      { mounts: [{ ...bind, isReadOnly: false }] },
      '/a belongs to users of the machine',
    ],
    ['an engine', { sharedWritable: ['/data'] }, "what it mounts in /data is the machine's"],
    ['new privileges', { hasNewPrivileges: true }, 'it may gain privileges of the machine'],
    [
      'a large number, as images have',
      { user: { uid: 1_000_700_000, gid: 0 } },
      'its user or group 1000700000 is not among the 65536 that it would have',
    ],
  ];
  test.each(situations)('%s', (_, changes, reason) => {
    expect(settle(changes)).toBe('machine');
    expect(faultOf({ ...changes, namespaces: { ...own, ...changes.namespaces, user: 'own' } })).toBe(
      `USER_NAMESPACE_IMPOSSIBLE Cannot give "web" users of its own: ${reason}`,
    );
  });

  test('what not everybody may read could not be read', () => {
    expect(settle({}, rootWith(0o600))).toBe('machine');
    expect(settle({}, rootWith(0o744))).toBe('machine');
    expect(settle({}, rootWith(0o644, 7))).toBe('machine');
    expect(settle({ writable: ['/etc'] }, rootWith(0o600, 7))).toBe('own');
  });

  test('when the service says so', () => {
    expect(settle({ namespaces: { ...own, user: 'machine' } })).toBe('machine');
  });
});

test('no two services have a user in common', () => {
  expect([makeUserMappings(0), makeUserMappings(1)].map(([mapping]) => mapping?.hostID)).toEqual([
    3_892_314_112, 3_892_379_648,
  ]);
});

function faultOf(changes: Partial<ServiceDefinition>): string | undefined {
  try {
    settle(changes);
    return undefined;
  } catch (error) {
    const [fault] = (error as FaultsError).faults;
    return `${fault?.code} ${fault?.message}`;
  }
}
