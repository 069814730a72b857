import type { ModuleIndex } from './module-index.ts';
import { moduleName } from './module-index.ts';
import type { WantedModule } from './module-lists.ts';

/** In place of patterns: no device wants the module. */
const onDemandMark = 'on-demand';

/**
 * For each of `ordered` (dependencies first): the device aliases that want it, its own and those of all that depend on
 * it. Empty means that it must always be inserted; `on-demand` that nothing but modules on demand wants it.
 */
export function findDevicePatterns(
  ordered: readonly string[],
  wanted: readonly Pick<WantedModule, 'name' | 'onDemand'>[],
  index: ModuleIndex,
): ReadonlyMap<string, readonly string[]> {
  const own = new Map<string, string[]>();
  for (const [alias, names] of index.aliases) {
    if (isDeviceAlias(alias)) for (const name of names) own.set(name, [...(own.get(name) ?? []), alias]);
  }
  const namesOf = (isOnDemand: boolean) =>
    wanted.filter(({ onDemand }) => onDemand === isOnDemand).map(({ name }) => moduleName(name));
  const wantedNames = new Set(namesOf(false));
  const onDemand = withDependencies(namesOf(true), index);
  const isAlways = new Set(ordered.filter((name) => wantedNames.has(name) && !own.has(name)));
  const patterns = new Map(ordered.map((name) => [name, new Set(withoutSingles(own.get(name) ?? []))]));
  // From the last to the first: whatever depends on a module has been seen before it.
  for (const name of [...ordered].reverse()) {
    for (const dependency of index.dependencies.get(name) ?? []) {
      if (isAlways.has(name)) isAlways.add(dependency);
      for (const pattern of patterns.get(name) ?? []) patterns.get(dependency)?.add(pattern);
    }
  }
  return new Map(
    ordered.map((name) => {
      if (isAlways.has(name)) return [name, []];
      const found = [...(patterns.get(name) ?? [])].sort();
      return [name, found.length === 0 && onDemand.has(name) ? [onDemandMark] : found];
    }),
  );
}

function withDependencies(names: readonly string[], index: ModuleIndex): ReadonlySet<string> {
  return new Set(names.flatMap((name) => [name, ...(index.dependencies.get(name) ?? [])]));
}

/**
 * A driver of a whole class of PCI devices (any vendor, any device) lists hundreds of single devices too: leaving those
 * out keeps the list that a shell must match short.
 */
function withoutSingles(aliases: readonly string[]): readonly string[] {
  const isClass = (alias: string) => alias.startsWith('pci:v*d*');
  return aliases.some(isClass)
    ? aliases.filter((alias) => isClass(alias) || !alias.startsWith('pci:'))
    : aliases;
}

/** Aliases with a colon name a bus and a device (`pci:v…`); `devname:` ones are device nodes that load on opening. */
function isDeviceAlias(alias: string): boolean {
  return alias.includes(':') && !alias.startsWith('devname:');
}
