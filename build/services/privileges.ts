import { capabilityNames } from './capability-names.ts';
import type { NamespaceChoice, ServiceDefinition } from './service-definition.ts';
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
    ...(service.seccomp === 'unconfined'
      ? [{ name: 'no seccomp filter', kind: 'filter', weight: 10 } as const]
      : service.seccomp === 'default'
        ? []
        : [{ name: 'seccomp filter of its own', kind: 'filter', weight: 3 } as const]),
    ...(service.apparmor === 'unconfined'
      ? [{ name: 'no AppArmor policy', kind: 'policy', weight: 10 } as const]
      : service.apparmor === 'default'
        ? []
        : [{ name: 'AppArmor rules of its own', kind: 'policy', weight: 3 } as const]),
    ...(service.hasNewPrivileges ? [{ name: 'new privileges', kind: 'other', weight: 5 } as const] : []),
    ...(service.isRootReadOnly ? [] : [{ name: 'writable root', kind: 'other', weight: 2 } as const]),
    ...listNamespaces(service),
    ...listDevices(service),
    ...service.mounts.map(
      ({ source, isReadOnly }): Privilege =>
        isReadOnly
          ? { name: `reads ${source}`, kind: 'read', weight: 0 }
          : { name: `writes ${source}`, kind: 'write', weight: 4 },
    ),
  ];
}

export const highestExposure = 100;

/** 0: as confined as can be; 100: whoever takes it over has the machine. */
export function scoreExposure(privileges: readonly Privilege[]): number {
  return Math.min(
    privileges.reduce((sum, { weight }) => sum + weight, 0),
    highestExposure,
  );
}

/** Its user is root, and that of the machine. */
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
