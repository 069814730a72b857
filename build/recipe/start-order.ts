import type { FaultList } from '../errors/fault-list.ts';
import type { LoadedService } from '../services/load-service.ts';
import type { ServiceDefinition } from '../services/service-definition.ts';

/**
 * The order in which services start: each after those it needs or comes after, otherwise as the recipe has them.
 * Reports circles.
 */
export function orderServices(services: readonly LoadedService[], faults: FaultList): ServiceDefinition[] {
  const byName = new Map(services.map((service) => [service.definition.name, service]));
  const ordered: ServiceDefinition[] = [];
  const done = new Set<string>();
  const visit = (service: LoadedService, waiting: readonly string[]): void => {
    const { name } = service.definition;
    if (done.has(name)) return;
    if (waiting.includes(name)) {
      reportCircle([...waiting.slice(waiting.indexOf(name)), name], service, faults);
      return;
    }
    for (const earlier of predecessors(service.definition)) {
      const found = byName.get(earlier);
      if (found !== undefined) visit(found, [...waiting, name]);
    }
    done.add(name);
    ordered.push(service.definition);
  };
  for (const service of services) visit(service, []);
  return ordered;
}

/** A service that waits for itself is reported when it is loaded. */
function predecessors(service: ServiceDefinition): string[] {
  return [...service.needs, ...service.after].filter((name) => name !== service.name);
}

function reportCircle(circle: readonly string[], service: LoadedService, faults: FaultList): void {
  const next = circle[1] ?? '';
  const key = service.definition.needs.includes(next) ? 'needs' : 'after';
  faults.add({
    code: 'SERVICE_CYCLE',
    message: `Cannot find an order to start in: ${circle.join(' → ')} (each waits for the next)`,
    place: service.source.place([key, service.definition[key].indexOf(next)]),
    hint: 'remove one of these from "needs" or "after"',
  });
}
