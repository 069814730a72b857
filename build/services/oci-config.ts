import type { Architecture } from '../recipe/recipe.ts';
import type { OciConfig } from './oci-bundle.ts';
import { makeMounts } from './oci-mounts.ts';
import { makeSeccomp, type SeccompProfile } from './seccomp.ts';
import type { Namespaces, ServiceDefinition } from './service-definition.ts';

export interface OciContext {
  readonly architecture: Architecture;
  readonly seccomp: SeccompProfile;
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
      resources: makeResources(service),
      rootfsPropagation: makePropagation(service),
      ...(isAdministrator(service) ? {} : { maskedPaths, readonlyPaths: makeReadOnlyPaths(service) }),
      ...(service.seccomp === 'default'
        ? { seccomp: makeSeccomp(context.seccomp, context.architecture, service.capabilities) }
        : {}),
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
function makeHooks({ kind, name, readiness }: ServiceDefinition): Record<string, unknown> {
  if (kind === 'one-shot' || readiness.kind !== 'started') return {};
  return {
    poststart: [{ path: '/usr/lib/keelson/service-started', args: ['service-started', name] }],
  };
}

function makeNamespaces(namespaces: Namespaces): readonly { readonly type: string }[] {
  const own = (['cgroup', 'ipc', 'network', 'pid', 'uts'] as const).filter(
    (type) => namespaces[type] === 'own',
  );
  return [...own, 'mount' as const].map((type) => ({ type }));
}

function makeResources({ resources, devices }: ServiceDefinition): Record<string, unknown> {
  return {
    memory: { limit: resources.memoryBytes, swap: resources.memoryBytes },
    pids: { limit: resources.pids },
    unified: { 'cpu.weight': String(resources.cpuWeight) },
    // Numbers of devices are not known when the image is made. Only the nodes that are asked for are in the container, and
    // making others takes CAP_MKNOD. crun adds null, zero, random and the like by itself.
    devices: [{ allow: devices.length > 0, access: 'rwm' }],
  };
}

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
