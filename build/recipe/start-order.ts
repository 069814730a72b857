import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { ServiceDefinition } from '../services/service-definition.ts';

/**
 * The order in which services start: each after those it needs or comes after, otherwise as the recipe has them.
 * Reports needed services that are missing, unknown names and circles.
 */
export function orderServices(
  services: readonly ServiceDefinition[],
  knownNames: readonly string[],
  faults: FaultList,
): ServiceDefinition[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  for (const service of services) reportMissing(service, byName, knownNames, faults);

  const ordered: ServiceDefinition[] = [];
  const done = new Set<string>();
  const visit = (service: ServiceDefinition, waiting: readonly string[]): void => {
    if (done.has(service.name)) return;
    const start = waiting.indexOf(service.name);
    if (start >= 0) {
      reportCircle([...waiting.slice(start), service.name], service, faults);
      return;
    }
    for (const name of predecessors(service)) {
      const before = byName.get(name);
      if (before !== undefined) visit(before, [...waiting, service.name]);
    }
    if (done.has(service.name)) return;
    done.add(service.name);
    ordered.push(service);
  };
  for (const service of services) visit(service, []);
  return ordered;
}

/** A service that waits for itself is reported when it is loaded. */
function predecessors(service: ServiceDefinition): string[] {
  return [...service.needs, ...service.after].filter((name) => name !== service.name);
}

function reportMissing(
  service: ServiceDefinition,
  byName: ReadonlyMap<string, ServiceDefinition>,
  knownNames: readonly string[],
  faults: FaultList,
): void {
  for (const name of service.needs) {
    if (byName.has(name)) continue;
    faults.add({
      code: 'SERVICE_NEEDED_MISSING',
      message: `Cannot start "${service.name}" without "${name}", which the recipe does not have`,
      place: service.place,
      hint: knownNames.includes(name)
        ? `add "${name}" to the services of the recipe`
        : suggestName(name, knownNames, 'services'),
    });
  }
  for (const name of service.after) {
    if (byName.has(name) || knownNames.includes(name)) continue;
    faults.add({
      code: 'SERVICE_UNKNOWN',
      message: `Cannot start "${service.name}" after "${name}": there is no such service`,
      place: service.place,
      hint: suggestName(name, knownNames, 'services'),
    });
  }
}

function reportCircle(circle: readonly string[], service: ServiceDefinition, faults: FaultList): void {
  faults.add({
    code: 'SERVICE_CYCLE',
    message: `Cannot find an order to start in: ${circle.join(' → ')} (each waits for the next)`,
    place: service.place,
    hint: 'remove one of these from "needs" or "after"',
  });
}
