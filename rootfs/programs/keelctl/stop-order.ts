import type { EngineService } from '../../../build/contract/engine-file.ts';

/**
 * Groups of services that may stop at once, in the order in which they must: nothing stops before what needs it, or was
 * started after it.
 */
export function planStopOrder(services: readonly EngineService[]): readonly (readonly EngineService[])[] {
  const waves: EngineService[][] = [];
  const depthOf = makeDepths(services);
  for (const service of services) {
    const depth = depthOf(service.name);
    const wave = waves[depth] ?? [];
    wave.push(service);
    waves[depth] = wave;
  }
  return waves.reverse();
}

/** 0 for a service that waits for no other, else one more than the deepest that it waits for. The builder refuses circles. */
function makeDepths(services: readonly EngineService[]): (name: string) => number {
  const byName = new Map(services.map((service) => [service.name, service]));
  const known = new Map<string, number>();
  const depthOf = (name: string): number => {
    const cached = known.get(name);
    if (cached !== undefined) return cached;
    const service = byName.get(name);
    const earlier = [...(service?.needs ?? []), ...(service?.after ?? [])].filter((other) =>
      byName.has(other),
    );
    const depth = earlier.length === 0 ? 0 : 1 + Math.max(...earlier.map(depthOf));
    known.set(name, depth);
    return depth;
  };
  return depthOf;
}
