import type { ServiceDefinition } from '../services/service-definition.ts';

type Confinement = Pick<
  ServiceDefinition,
  'capabilities' | 'namespaces' | 'mounts' | 'devices' | 'isRootReadOnly' | 'hasNewPrivileges' | 'seccomp'
>;

/** What a service has beyond the default confinement, in words, in a fixed order; empty for a service that asks for nothing. */
export function describePrivileges(service: Confinement): readonly string[] {
  const shared = Object.entries(service.namespaces)
    .filter(([, choice]) => choice === 'machine')
    .map(([name]) => `shares the machine's ${name} namespace`);
  const devices =
    service.devices === 'all' ? ['all devices'] : service.devices.map((device) => `device ${device}`);
  const mounts = service.mounts.map(
    ({ source, target, isReadOnly }) =>
      `${isReadOnly ? 'reads' : 'writes'} ${source}${source === target ? '' : ` at ${target}`}`,
  );
  return [
    ...service.capabilities,
    ...shared,
    ...devices,
    ...mounts,
    ...(service.isRootReadOnly ? [] : ['writable root']),
    ...(service.hasNewPrivileges ? ['may gain new privileges'] : []),
    ...(service.seccomp === 'unconfined' ? ['all system calls (no seccomp)'] : []),
  ];
}
