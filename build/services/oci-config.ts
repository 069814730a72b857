import type { Architecture } from '../recipe/recipe.ts';
import { apparmorProfileName } from './apparmor-policy.ts';
import { makeDeviceRules } from './device-rules.ts';
import type { OciConfig } from './oci-bundle.ts';
import { makeMounts } from './oci-mounts.ts';
import { makeSeccomp, type SeccompProfile } from './seccomp.ts';
import type { Namespaces, ServiceDefinition } from './service-definition.ts';
import { makeUserMappings } from './user-namespace.ts';

export interface OciContext {
  readonly architecture: Architecture;
  readonly seccomp: SeccompProfile;
  /** Of the service among the recipe's: no two have the same users. */
  readonly index: number;
}

/**
 * A service's `config.json`: OCI runtime specification 1.2, https://github.com/opencontainers/runtime-spec.
 * The container has what the service asks for and nothing else.
 */
export function makeOciConfig(service: ServiceDefinition, context: OciContext): OciConfig {
  return {
    ociVersion: '1.2.0',
    process: makeProcess(service),
    root: { path: 'rootfs', readonly: service.isRootReadOnly },
    ...(service.namespaces.uts === 'own' ? { hostname: service.name } : {}),
    mounts: makeMounts(service),
    hooks: makeHooks(service),
    linux: {
      // Not below finit's own groups: a group with processes cannot have groups with limits.
      cgroupsPath: `/services/${service.name}`,
      namespaces: makeNamespaces(service.namespaces),
      ...makeUsers(service, context),
      resources: makeResources(service),
      rootfsPropagation: makePropagation(service),
      ...(isAdministrator(service) ? {} : { maskedPaths, readonlyPaths: makeReadOnlyPaths(service) }),
      ...makeFilter(service, context),
    },
  };
}

function makeProcess(service: ServiceDefinition): Record<string, unknown> {
  const environment = { PATH: '/usr/sbin:/usr/bin', ...service.environment };
  const { capabilities, user } = service;
  return {
    terminal: false,
    user,
    args: service.command,
    env: Object.entries(environment)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
    cwd: service.workingFolder,
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      // A program of another user than root keeps capabilities over execve(2) only when they are inheritable and ambient.
      ...(user.uid === 0 ? {} : { inheritable: capabilities, ambient: capabilities }),
    },
    noNewPrivileges: !service.hasNewPrivileges,
    ...(service.apparmor === 'unconfined' ? {} : { apparmorProfile: apparmorProfileName(service) }),
    // The kernel's last resort takes the programs of users' containers first.
    oomScoreAdj: -500,
    rlimits: [
      { type: 'RLIMIT_CORE', hard: 0, soft: 0 },
      { type: 'RLIMIT_NOFILE', hard: 524288, soft: 1024 },
    ],
  };
}

/**
 * Run by crun outside of the container: files that other services' conditions wait for (see `makeFinitStanza`). Where
 * "the container runs" is not enough, run-service makes them.
 */
function makeHooks(service: ServiceDefinition): Record<string, unknown> {
  const { kind, name, readiness } = service;
  const limits = ioLimitsOf(service);
  return {
    ...(limits.length === 0
      ? {}
      : { createRuntime: [{ path: limitIo, args: ['limit-io', name, ...limits] }] }),
    ...(kind === 'one-shot' || readiness.kind !== 'started'
      ? {}
      : { poststart: [{ path: '/usr/lib/keelson/service-started', args: ['service-started', name] }] }),
  };
}

/** The number of the machine's disk is not known when the image is made. */
const limitIo = '/usr/lib/keelson/limit-io';

/** As `io.max` of cgroup v2 has them. */
function ioLimitsOf({ resources: { io } }: ServiceDefinition): readonly string[] {
  const keys = {
    rbps: io?.readBytes,
    wbps: io?.writeBytes,
    riops: io?.readOperations,
    wiops: io?.writeOperations,
  };
  return Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
}

function makeUsers({ namespaces }: ServiceDefinition, { index }: OciContext): Record<string, unknown> {
  if (namespaces.user !== 'own') return {};
  const mappings = makeUserMappings(index);
  return { uidMappings: mappings, gidMappings: mappings };
}

function makeFilter(service: ServiceDefinition, context: OciContext): Record<string, unknown> {
  if (service.seccomp === 'unconfined') return {};
  const profile = service.seccomp === 'default' ? context.seccomp : service.seccomp;
  return { seccomp: makeSeccomp(profile, context.architecture, service.capabilities) };
}

function makeNamespaces(namespaces: Namespaces): readonly { readonly type: string }[] {
  const own = (['cgroup', 'ipc', 'network', 'pid', 'user', 'uts'] as const).filter(
    (type) => namespaces[type] === 'own',
  );
  return [...own, 'mount' as const].map((type) => ({ type }));
}

function makeResources({ resources, devices }: ServiceDefinition): Record<string, unknown> {
  return {
    memory: { limit: resources.memoryBytes, swap: resources.memoryBytes },
    pids: { limit: resources.pids },
    ...(resources.cpus === undefined
      ? {}
      : {
          cpu: { quota: Math.round(resources.cpus * cpuPeriodMicroseconds), period: cpuPeriodMicroseconds },
        }),
    unified: {
      'cpu.weight': String(resources.cpuWeight),
      'memory.min': String(resources.memoryReserveBytes),
      ...(resources.ioWeight === 100 ? {} : { 'io.weight': String(resources.ioWeight) }),
    },
    devices: makeDeviceRules(devices),
  };
}

const cpuPeriodMicroseconds = 100_000;

function makePropagation({ mounts, sharedWritable }: ServiceDefinition): string {
  const asked = mounts.map(({ propagation }) => propagation);
  if (sharedWritable.length > 0) return 'shared';
  return asked.includes('shared') ? 'shared' : asked.includes('slave') ? 'slave' : 'private';
}

/** With CAP_SYS_ADMIN it could unmount what hides them; an operator's session must see and set them. */
function isAdministrator({ capabilities }: ServiceDefinition): boolean {
  return capabilities.includes('CAP_SYS_ADMIN');
}

/** As Docker, Podman and containerd have them. */
const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

const readOnlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** A service that mounts a part of one of them, such as /proc/sys/net, has that part as it asks. */
function makeReadOnlyPaths({ mounts }: ServiceDefinition): readonly string[] {
  return readOnlyPaths.filter((path) => !mounts.some(({ target }) => target === path));
}
