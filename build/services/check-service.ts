import type { FaultList } from '../errors/fault-list.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import type { YamlSource } from '../recipe/yaml-source.ts';
import { checkHidden, containerMountPoints } from './hidden-files.ts';
import { checkOwners, explicitOwners, type PathOwner, packageOwners } from './path-owners.ts';
import type { Layer, ServiceDefinition } from './service-definition.ts';

/** Names in the finit stanzas of rootfs/layers/*; finit knows everything that it runs by one name. */
export const machineStanzas: readonly string[] = [
  'start',
  'power-button',
  'health-checks',
  'health-gate',
  'workloads',
];

/** What can be wrong with a service by itself, although each key is well. */
export function checkService(
  service: ServiceDefinition,
  layers: readonly Layer[],
  source: YamlSource,
  faults: FaultList,
): void {
  checkKind(service, source, faults);
  checkRestart(service, source, faults);
  checkCondition(service, source, faults);
  checkCommand(service, source, faults);
  if (service.ports.length > 0 && service.namespaces.network === 'own') {
    faults.add({
      code: 'PORT_UNREACHABLE',
      message: `Cannot open ports of "${service.name}": its network is its own and leads nowhere`,
      place: source.place(['ports']),
      hint: 'add "namespaces: { network: machine }", or remove the ports',
    });
  }
  if (service.resources.memoryReserveBytes > service.resources.memoryBytes) {
    faults.add({
      code: 'SERVICE_CONTRADICTORY',
      message: `Cannot keep ${formatBytes(service.resources.memoryReserveBytes)} for "${service.name}": it may use ${formatBytes(service.resources.memoryBytes)} at most`,
      place: source.place(['resources', 'reserve']),
      hint: 'raise "memory", or reserve no more than that',
    });
  }
  if (machineStanzas.includes(service.name)) {
    faults.add({
      code: 'SERVICE_NAME_TAKEN',
      message: `Cannot call a service "${service.name}": the machine's own supervision has something of that name`,
      place: source.place(['name']),
      hint: 'choose another name',
    });
  }
  for (const name of [...service.needs, ...service.after]) {
    if (name !== service.name) continue;
    faults.add({
      code: 'SERVICE_CYCLE',
      message: `Cannot start "${name}": it waits for itself`,
      place: source.place([service.needs.includes(name) ? 'needs' : 'after']),
      hint: 'remove its own name',
    });
  }
  checkOwners(
    [
      ...packageOwners(service.files, 'the packages of the service'),
      ...explicitOwners(service.files, `the service "${service.name}"`),
      ...layers.flatMap((layer) => explicitOwners(layer.files, `the layer "${layer.name}"`)),
    ],
    faults,
  );
  checkOwners(placedOver(service, source), faults);
  const over = [
    ...containerMountPoints,
    ...service.temporary,
    ...service.mounts.map((mount) => mount.target),
  ];
  const isTaken = new Set([...service.temporary, ...service.mounts.map((mount) => mount.target)]);
  const files = service.files.filter((file) => !isTaken.has(file.path));
  checkHidden(files, over, faults);
}

function checkKind(service: ServiceDefinition, source: YamlSource, faults: FaultList): void {
  const isOneShot = service.kind === 'one-shot';
  if (isOneShot && service.readiness.kind !== 'finished') {
    faults.add({
      code: 'SERVICE_CONTRADICTORY',
      message: `Cannot wait until a one-shot is "${service.readiness.kind}"`,
      place: source.place(['readiness']),
      hint: 'a one-shot is ready when it has ended well: write "readiness: finished" or leave it out',
    });
  }
  if (!isOneShot && service.readiness.kind === 'finished') {
    faults.add({
      code: 'SERVICE_CONTRADICTORY',
      message: 'Cannot wait until a long-running service is "finished"',
      place: source.place(['readiness']),
      hint: 'write "readiness: started" or "notify", or "type: one-shot"',
    });
  }
  if (isOneShot && service.restart.policy === 'always') {
    faults.add({
      code: 'SERVICE_CONTRADICTORY',
      message: 'Cannot restart a one-shot always: it would never be finished',
      place: source.place(['restart', 'policy']),
      hint: 'write "on-failure" or "never"',
    });
  }
}

/**
 * The exit code is known where crun stays with the container, see rootfs/layers/base/files/run-service. One-shots
 * always have such a container.
 */
function checkRestart(service: ServiceDefinition, source: YamlSource, faults: FaultList): void {
  if (service.kind === 'one-shot' || service.restart.policy === 'always') return;
  const reason =
    service.readiness.kind === 'notify'
      ? 'with "readiness: notify"'
      : service.namespaces.pid === 'machine'
        ? 'in the process namespace of the machine'
        : undefined;
  if (reason === undefined) return;
  faults.add({
    code: 'SERVICE_CONTRADICTORY',
    message: `Cannot restart "${service.restart.policy}": how a service ends is not known ${reason}`,
    place: source.place(['restart', 'policy']),
    hint: 'write "policy: always", or remove what stands against it',
  });
}

function checkCondition(service: ServiceDefinition, source: YamlSource, faults: FaultList): void {
  if (service.condition === undefined || service.restart.policy !== 'always') return;
  faults.add({
    code: 'SERVICE_CONTRADICTORY',
    message: 'Cannot start by a condition what is restarted always: it could never be done',
    place: source.place(['condition']),
    hint: 'write "restart: { policy: on-failure }", which also means that it is done when it ends well',
  });
}

/** The program is a path: nothing on the machine searches for it. */
function checkCommand(service: ServiceDefinition, source: YamlSource, faults: FaultList): void {
  const commands = [
    { program: service.command[0], path: ['command', 0] },
    { program: service.health?.command[0], path: ['health', 'command', 0] },
    { program: service.workloads?.command[0], path: ['workloads', 'command', 0] },
    { program: service.lifeline?.command[0], path: ['lifeline', 'command', 0] },
  ];
  for (const { program, path } of commands) {
    if (program === undefined || program.startsWith('/') || !source.has(path)) continue;
    faults.add({
      code: 'PATH_INVALID',
      message: `Cannot run "${program}": a program needs its whole path`,
      place: source.place(path),
      hint: `write where it is in the container, such as /usr/sbin/${program.replace(/.*\//, '')}`,
    });
  }
}

/** Mounts, writable and temporary paths hide what lies below: two at one path, or one over a file, cannot be meant. */
function placedOver(service: ServiceDefinition, source: YamlSource): PathOwner[] {
  const owned = (paths: readonly string[], key: string): PathOwner[] =>
    paths.map((path) => ({ path, owner: `"${key}"`, place: source.place([key]) }));
  const isFolder = new Set(service.files.filter((file) => file.kind === 'folder').map((file) => file.path));
  return [
    ...explicitOwners(service.files, 'its files').filter((owner) => !isFolder.has(owner.path)),
    ...service.mounts.map((mount, index) => ({
      path: mount.target,
      owner: 'a mount',
      place: source.place(['mounts', index]),
    })),
    ...owned(service.writable, 'writable'),
    ...owned(service.temporary, 'temporary'),
  ];
}
