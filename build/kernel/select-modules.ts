import { KeelsonError } from '../errors/keelson-error.ts';
import { type ModuleIndex, moduleName } from './module-index.ts';
import type { WantedModule } from './module-lists.ts';

/**
 * Names of the wanted modules and all they need, each after what it depends on. What is built in is left out; what is
 * neither built in nor there, and not marked `mayBeMissing`, is an error.
 */
export function selectModules(
  wanted: readonly WantedModule[],
  index: ModuleIndex,
  kernelRelease: string,
  listFile: string,
): readonly string[] {
  const seen = new Set<string>();
  const ordered: string[] = [];
  for (const module of wanted) {
    const names = namesOf(module, index);
    if (names.length === 0 && !module.mayBeMissing && !index.builtIn.has(moduleName(module.name))) {
      throw new KeelsonError({
        code: 'MODULE_MISSING',
        class: 'input',
        message: `Cannot prepare kernel ${kernelRelease}: it has no module ${module.name} (wanted for: ${module.reason})`,
        place: { file: listFile },
        hint: 'Take it out of the list, or mark its entry with "mayBeMissing: true".',
      });
    }
    for (const name of names) insert(name, index, seen, ordered);
  }
  return ordered;
}

function namesOf(module: WantedModule, index: ModuleIndex): readonly string[] {
  const name = moduleName(module.name);
  if (!name.includes('*')) return index.paths.has(name) ? [name] : [];
  const pattern = new RegExp(`^${name.replaceAll('*', '\\w*')}$`);
  return [...index.paths.keys()].filter((candidate) => pattern.test(candidate)).sort();
}

/** `seen` is filled on the way in, so that soft dependencies that form a circle come to an end. */
function insert(name: string, index: ModuleIndex, seen: Set<string>, ordered: string[]): void {
  if (seen.has(name)) return;
  seen.add(name);
  const soft = index.softDependencies.get(name);
  const before = [...(index.dependencies.get(name) ?? []), ...softNames(soft?.pre, index)];
  for (const dependency of before) insert(dependency, index, seen, ordered);
  ordered.push(name);
  for (const dependency of softNames(soft?.post, index)) insert(dependency, index, seen, ordered);
}

/** Soft dependencies may name what this kernel has built in or does not have: then there is nothing to do. */
function softNames(names: readonly string[] | undefined, index: ModuleIndex): readonly string[] {
  return (names ?? []).flatMap((name) =>
    index.paths.has(moduleName(name)) ? [moduleName(name)] : (index.aliases.get(name) ?? []),
  );
}
