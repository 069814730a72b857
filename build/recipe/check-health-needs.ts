import type { FaultList } from '../errors/fault-list.ts';
import type { LoadedService } from '../services/load-service.ts';

/** Nobody can wait for the health of a service that has no health check. */
export function checkHealthNeeds<Services extends readonly LoadedService[]>(
  services: Services,
  faults: FaultList,
): Services {
  const byName = new Map(services.map(({ definition }) => [definition.name, definition]));
  for (const { definition, source } of services) {
    for (const name of definition.needsHealthy) {
      const needed = byName.get(name);
      if (needed === undefined || needed.health !== undefined) continue;
      faults.add({
        code: 'HEALTH_CHECK_MISSING',
        message: `Cannot start "${definition.name}" when "${name}" is healthy: that has no health check`,
        place: source.place(['needs', definition.needs.indexOf(name), 'condition']),
        hint: `give "${name}" a "health", or write "condition: ready"`,
      });
    }
  }
  return services;
}
