import { capabilityNames } from './capability-names.ts';
import type { MountRequest, NamespaceChoice, ServiceDefinition } from './service-definition.ts';
import { findMachineNeed } from './user-namespace.ts';

/** Something that a service has beyond the default confinement. */
export interface Privilege {
  /** As its README names it. */
  readonly name: string;
  readonly kind:
    | 'user'
    | 'capability'
    | 'filter'
    | 'policy'
    | 'namespace'
    | 'device'
    | 'write'
    | 'read'
    | 'other';
  /** How far whoever takes the service over comes with it: 0 (nowhere) to 15 (to the machine). */
  readonly weight: number;
}

/** All of a service's privileges, in a fixed order; empty for a service that asks for nothing. */
export function listPrivileges(service: ServiceDefinition): readonly Privilege[] {
  return [
    ...(isMachineRoot(service) ? [{ name: 'root', kind: 'user', weight: 10 } as const] : []),
    ...listCapabilities(service),
    ...describeChoice(service.seccomp, 'filter', 'no seccomp filter', 'seccomp filter of its own'),
    ...describeChoice(service.apparmor, 'policy', 'no AppArmor policy', 'AppArmor rules of its own'),
    ...(service.hasNewPrivileges ? [{ name: 'new privileges', kind: 'other', weight: 5 } as const] : []),
    ...(service.isRootReadOnly ? [] : [{ name: 'writable root', kind: 'other', weight: 2 } as const]),
    ...listNamespaces(service),
    ...listDevices(service),
    ...service.mounts.map(describeMount),
  ];
}

/** What a service brings itself may be laxer than the default. */
function describeChoice(
  choice: 'default' | 'unconfined' | object,
  kind: Privilege['kind'],
  none: string,
  ofItsOwn: string,
): readonly Privilege[] {
  if (choice === 'default') return [];
  return choice === 'unconfined' ? [{ name: none, kind, weight: 10 }] : [{ name: ofItsOwn, kind, weight: 3 }];
}

/** The machine itself can be had from there: sockets of the init and of engines, control groups, all services' state, keys. */
const coreFolders = new Set([
  '/',
  '/dev',
  '/etc',
  '/home',
  '/proc',
  '/root',
  '/run',
  '/sys',
  '/var',
  '/var/lib',
  '/var/lib/keelson',
]);

function describeMount({ source, isReadOnly }: MountRequest): Privilege {
  const isCore = coreFolders.has(source);
  return isReadOnly
    ? { name: `reads ${source}`, kind: 'read', weight: isCore ? 5 : 1 }
    : { name: `writes ${source}`, kind: 'write', weight: isCore ? 10 : 4 };
}

export const highestExposure = 100;

/** 0: as confined as can be; 100: whoever takes it over has the machine. */
export function scoreExposure(privileges: readonly Privilege[]): number {
  return Math.min(
    privileges.reduce((sum, { weight }) => sum + weight, 0),
    highestExposure,
  );
}

/** Its user is root, and that of the machine; as far as can be said before its root is there: see `settleUserNamespace`. */
function isMachineRoot(service: ServiceDefinition): boolean {
  const { user } = service.namespaces;
  const isOwn = user === 'own' || (user === undefined && findMachineNeed(service) === undefined);
  return service.user.uid === 0 && !isOwn;
}

/** Those with which one can do more than administer one's own files and processes, see capabilities(7). */
const capabilityWeights: Readonly<Record<string, number>> = {
  CAP_BPF: 8,
  CAP_DAC_OVERRIDE: 5,
  CAP_DAC_READ_SEARCH: 5,
  CAP_MAC_ADMIN: 8,
  CAP_MAC_OVERRIDE: 8,
  CAP_MKNOD: 5,
  CAP_NET_ADMIN: 5,
  CAP_NET_RAW: 3,
  CAP_SYS_ADMIN: 15,
  CAP_SYS_BOOT: 5,
  CAP_SYS_MODULE: 15,
  CAP_SYS_PTRACE: 8,
  CAP_SYS_RAWIO: 15,
};
const ordinaryCapabilityWeight = 2;

function listCapabilities({ capabilities }: ServiceDefinition): readonly Privilege[] {
  if (capabilities.length === capabilityNames.length) {
    return [{ name: 'all capabilities', kind: 'capability', weight: highestExposure }];
  }
  return capabilities.map((name) => ({
    name,
    kind: 'capability',
    weight: capabilityWeights[name] ?? ordinaryCapabilityWeight,
  }));
}

const namespaceWeights = {
  network: 4,
  pid: 8,
  ipc: 2,
  uts: 1,
  cgroup: 2,
} as const satisfies Record<Exclude<keyof ServiceDefinition['namespaces'], 'user'>, number>;

function listNamespaces({ namespaces }: ServiceDefinition): readonly Privilege[] {
  return (Object.entries(namespaceWeights) as [keyof typeof namespaceWeights, number][])
    .filter(([name]) => (namespaces[name] satisfies NamespaceChoice) === 'machine')
    .map(([name, weight]) => ({ name: `machine's ${name} namespace`, kind: 'namespace', weight }));
}

function listDevices({ devices }: ServiceDefinition): readonly Privilege[] {
  return devices === 'all'
    ? [{ name: 'all devices', kind: 'device', weight: 15 }]
    : devices.map((name) => ({ name, kind: 'device', weight: 3 }));
}
