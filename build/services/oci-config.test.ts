import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import { demoService } from '../testing/demo-service.ts';
import { openRealWorkshop } from '../testing/real-workshop.ts';
import { makeOciConfig } from './oci-config.ts';
import type { OciMount } from './oci-mounts.ts';
import type { ServiceDefinition } from './service-definition.ts';

const context = {
  architecture: 'x86-64',
  index: 3,
  seccomp: {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [] },
      {
        names: ['personality'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
      },
    ],
  },
} as const;

interface Config {
  readonly process: {
    readonly env: readonly string[];
    readonly capabilities: Readonly<Record<string, readonly string[]>>;
    readonly noNewPrivileges: boolean;
  };
  readonly root: { readonly readonly: boolean };
  readonly mounts: readonly OciMount[];
  readonly hooks: Readonly<Record<string, unknown>>;
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
    readonly rootfsPropagation: string;
    readonly resources: unknown;
    readonly seccomp?: unknown;
    readonly cgroupsPath: string;
  };
}

function configOf(changes: Partial<ServiceDefinition> = {}): Config {
  return makeOciConfig(demoService(changes), context) as unknown as Config;
}

function mountAt(changes: Partial<ServiceDefinition>, destination: string): OciMount | undefined {
  return configOf(changes).mounts.find((mount) => mount.destination === destination);
}

const bind = { isReadOnly: true, isRecursive: false, propagation: 'private' } as const;

/** A service that asks for something of everything. */
const demanding: Partial<ServiceDefinition> = {
  user: { uid: 102, gid: 102 },
  environment: { TZ: 'UTC' },
  capabilities: ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
  namespaces: {
    network: 'machine',
    pid: 'machine',
    ipc: 'own',
    uts: 'machine',
    cgroup: 'machine',
    user: undefined,
  },
  mounts: [
    { ...bind, source: '/run', target: '/run', isReadOnly: false, isRecursive: true, propagation: 'shared' },
  ],
  temporary: ['/tmp', '/var/cache'],
  writable: ['/var/lib/web-data'],
  devices: ['/dev/ttyS0'],
  hasNewPrivileges: true,
  isRootReadOnly: false,
};

describe('against the published schema', () => {
  const situations: readonly (readonly [string, Partial<ServiceDefinition>])[] = [
    ['the defaults', {}],
    ['much', demanding],
    ['the machine’s devices, no filter', { devices: 'all', seccomp: 'unconfined' }],
    ['a one-shot', { kind: 'one-shot' }],
  ];
  test.each(situations)('%s', async (_, changes) => {
    const validate = await compileSchema();
    validate(JSON.parse(JSON.stringify(configOf(changes))));
    expect(validate.errors).toBeNull();
  });

  test('the schema does refuse what is wrong', async () => {
    const validate = await compileSchema();
    expect(validate({ ...configOf(), linux: { ...configOf().linux, cgroupsPath: 7 } })).toBe(false);
  });
});

describe('confinement when nothing is asked for', () => {
  const config = configOf();
  test('no capability, no new privileges, a read-only root', () => {
    expect(config.process.capabilities).toEqual({ bounding: [], effective: [], permitted: [] });
    expect(config.process.noNewPrivileges).toBe(true);
    expect(config.root.readonly).toBe(true);
  });
  test('namespaces of its own', () => {
    expect(config.linux.namespaces.map(({ type }) => type)).toEqual([
      'cgroup',
      'ipc',
      'network',
      'pid',
      'uts',
      'mount',
    ]);
  });
  test('when memory is at its end the kernel takes programs of users’ containers first', () => {
    expect((config.process as { readonly oomScoreAdj?: number }).oomScoreAdj).toBe(-500);
  });
  test('limits, a filter, and a cgroup outside of finit’s', () => {
    expect(config.linux.cgroupsPath).toBe('/services/web');
    expect(config.linux.resources).toEqual({
      memory: { limit: 67108864, swap: 67108864 },
      pids: { limit: 64 },
      unified: { 'cpu.weight': '100', 'memory.min': '8388608' },
      devices: [{ allow: false, access: 'rwm' }],
    });
    expect(config.linux.seccomp).toBeDefined();
    expect(config.linux.maskedPaths).toContain('/proc/kcore');
    expect(config.linux.readonlyPaths).toContain('/proc/sys');
  });
  test('mounts, parents first', () => {
    expect(config.mounts.map(({ destination }) => destination)).toEqual([
      '/dev',
      '/proc',
      '/run',
      '/sys',
      '/tmp',
      '/dev/log',
      '/dev/mqueue',
      '/dev/pts',
      '/dev/shm',
      '/run/keelson/log',
      '/sys/fs/cgroup',
    ]);
    expect(mountAt({}, '/sys')?.options).toContain('ro');
    expect(mountAt({}, '/sys/fs/cgroup')?.options).toContain('ro');
  });
});

describe('what is asked for', () => {
  test('capabilities of a user other than root outlive execve', () => {
    const { capabilities } = configOf(demanding).process;
    expect(capabilities.ambient).toEqual(['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']);
    expect(capabilities.inheritable).toEqual(capabilities.ambient);
  });
  test('a writable path lies on state, a dash in it doubled', () => {
    expect(mountAt(demanding, '/var/lib/web-data')).toEqual({
      destination: '/var/lib/web-data',
      type: 'bind',
      source: '/var/lib/keelson/services/web/var-lib-web--data',
      options: ['bind', 'rw', 'nosuid', 'nodev'],
    });
  });
  test('memory belongs to the service’s user', () => {
    expect(mountAt(demanding, '/var/cache')?.options).toEqual([
      'nosuid',
      'nodev',
      'mode=0755',
      'uid=102',
      'gid=102',
    ]);
  });
  test('a mount takes the place of the usual one', () => {
    const runs = configOf(demanding).mounts.filter(({ destination }) => destination === '/run');
    expect(runs).toEqual([
      { destination: '/run', type: 'bind', source: '/run', options: ['rbind', 'rw', 'rshared'] },
    ]);
    expect(configOf(demanding).linux.rootfsPropagation).toBe('shared');
  });
  test('the machine’s /dev takes the place of all that is below /dev', () => {
    const devices = configOf({ devices: 'all' }).mounts.filter(({ destination }) =>
      destination.startsWith('/dev'),
    );
    expect(devices.map(({ source }) => source)).toEqual(['/dev']);
  });
  test('no cgroup file system of its own in the machine’s cgroup namespace', () => {
    expect(mountAt(demanding, '/sys/fs/cgroup')).toBeUndefined();
  });
  test('one device', () => {
    expect(mountAt(demanding, '/dev/ttyS0')?.source).toBe('/dev/ttyS0');
    expect(configOf(demanding).linux.resources).toMatchObject({
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 4, minor: 64, access: 'rw' },
      ],
    });
  });
  test('an administrator sees all of /proc', () => {
    expect(configOf(demanding).linux.maskedPaths).toBeUndefined();
    expect(configOf(demanding).linux.readonlyPaths).toBeUndefined();
  });
  test('the environment, sorted, with a PATH', () => {
    expect(configOf(demanding).process.env).toEqual(['PATH=/usr/sbin:/usr/bin', 'TZ=UTC']);
  });
});

describe('users of its own', () => {
  const ownUsers = { namespaces: { ...demoService().namespaces, user: 'own' as const }, writable: ['/data'] };
  test('a range that no other service has', () => {
    const { linux } = configOf(ownUsers) as unknown as {
      readonly linux: { readonly namespaces: readonly unknown[]; readonly uidMappings: unknown };
    };
    expect(linux.namespaces).toContainEqual({ type: 'user' });
    expect(linux.uidMappings).toEqual([{ containerID: 0, hostID: 0xe800_0000 + 3 * 65536, size: 65536 }]);
  });
  test('the machine’s /sys is read-only, where it must be that', () => {
    const onNetwork = { namespaces: { ...ownUsers.namespaces, network: 'machine' as const } };
    expect(mountAt(onNetwork, '/sys')?.options).toEqual(expect.arrayContaining(['rbind', 'rro']));
    expect(mountAt(ownUsers, '/sys')?.type).toBe('sysfs');
  });
  test('files on state have the owners that they have in the container', () => {
    expect(mountAt(ownUsers, '/data')?.options).toContain('idmap');
    expect(mountAt({ writable: ['/data'] }, '/data')?.options).not.toContain('idmap');
  });
});

test('all limits that can be asked for', () => {
  const resources = {
    ...demoService().resources,
    cpus: 0.5,
    ioWeight: 50,
    io: { readBytes: undefined, writeBytes: 8_388_608, readOperations: 100, writeOperations: undefined },
  };
  const config = configOf({ resources });
  expect(config.linux.resources).toMatchObject({
    cpu: { quota: 50_000, period: 100_000 },
    unified: { 'io.weight': '50' },
  });
  expect(config.hooks).toMatchObject({
    createRuntime: [
      { path: '/usr/lib/keelson/limit-io', args: ['limit-io', 'web', 'wbps=8388608', 'riops=100'] },
    ],
  });
});

describe('filters', () => {
  test('the policy is named, unless there is none', () => {
    const profileOf = (changes: Partial<ServiceDefinition>) =>
      (configOf(changes).process as { readonly apparmorProfile?: string }).apparmorProfile;
    expect(profileOf({})).toBe('keelson.web');
    expect(profileOf({ apparmor: 'unconfined' })).toBeUndefined();
  });
  test('a filter of its own takes the place of the usual one', () => {
    const { seccomp } = configOf({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] } }).linux;
    expect(seccomp).toMatchObject({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
  });
});

test('a hook tells finit that the service has started, when that is enough', () => {
  expect(configOf().hooks).toEqual({
    poststart: [{ path: '/usr/lib/keelson/service-started', args: ['service-started', 'web'] }],
  });
  expect(configOf({ readiness: { kind: 'notify' } }).hooks).toEqual({});
  expect(configOf({ kind: 'one-shot', readiness: { kind: 'finished' } }).hooks).toEqual({});
});

/** The published schema, from Debian's package of it. */
const schemaFolder = 'usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema';

/** Draft 4, of which the schema uses nothing that later drafts read in another way. */
async function compileSchema(): Promise<ValidateFunction> {
  const { folder } = await (await openRealWorkshop()).openTools('schemas');
  const readSchema = async (name: string): Promise<Record<string, unknown>> => {
    const text = await readFile(join(folder, schemaFolder, `${name}.json`), 'utf8');
    const { $schema: _, ...schema } = JSON.parse(text) as Record<string, unknown>;
    return schema;
  };
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const name of ['config-linux', 'defs', 'defs-linux'] as const) {
    ajv.addSchema(await readSchema(name), `${name}.json`);
  }
  for (const platform of ['solaris', 'vm', 'windows', 'zos']) {
    ajv.addSchema({ [platform]: false }, `config-${platform}.json`);
  }
  return ajv.compile({ ...(await readSchema('config-schema')), $id: 'config-schema.json' });
}
