import { parsePublishedPorts } from '../contract/container.ts';
import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';
import type { LoadedService } from '../services/load-service.ts';
import { readImageRequest } from '../services/read-image-request.ts';
import type { StartKind } from '../services/service-definition.ts';
import type { ContainerEntry, ProjectEntry } from './container-schema.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { RecipeContainer } from './recipe.ts';
import type { YamlPath, YamlSource } from './yaml-source.ts';

/** An entry, and where it was written. */
export interface WrittenEntry<Entry> {
  readonly entry: Entry;
  readonly source: YamlSource;
  readonly path: YamlPath;
}

/**
 * `containers` of all recipes, each with the engine that starts it. An entry of the same name in an extending recipe replaces the
 * earlier one.
 */
export async function readContainers(
  chain: readonly ReadRecipe[],
  services: readonly LoadedService[] | undefined,
  faults: FaultList,
): Promise<RecipeContainer[]> {
  const entries = mergeEntries<ContainerEntry>(chain, 'containers', faults);
  checkPorts(entries, services, faults);
  const containers: RecipeContainer[] = [];
  for (const { entry, source, path } of entries) {
    const { name, preload: isPreloaded, image: wish } = entry;
    if (wish === undefined) {
      faults.add({
        code: 'KEY_MISSING',
        message: `Cannot start the container "${name}" without the key "image"`,
        place: source.place(path),
        hint: 'add "image: registry/name:tag"',
      });
      continue;
    }
    const image = await readImageRequest(wish, [...path, 'image'], source, faults);
    const engine = findEngine(entry, 'containers', { source, path }, services, faults);
    if (image === undefined || engine === undefined) continue;
    checkPullable(image, isPreloaded, faults);
    const { command, environment, environmentFile, ports, volumes, restart } = entry;
    const ofFile = environmentFile === undefined ? {} : { environmentFile };
    const request = { command, environment, ...ofFile, ports, volumes, restart };
    containers.push({ name, isPreloaded, engine, image, request });
  }
  return containers;
}

/** Entries of one list of all recipes, without those that are disabled. */
export function mergeEntries<Entry extends ContainerEntry | ProjectEntry>(
  chain: readonly ReadRecipe[],
  list: StartKind,
  faults: FaultList,
): WrittenEntry<Entry>[] {
  const merged = new Map<string, WrittenEntry<Entry>>();
  for (const { value, source } of chain) {
    const seen = new Set<string>();
    for (const [index, entry] of (value[list] as readonly (ContainerEntry | ProjectEntry)[]).entries()) {
      const path = [list, index];
      if (seen.has(entry.name)) {
        faults.add({
          code: 'CONTAINER_DUPLICATE',
          message: `Cannot have "${entry.name}" twice in "${list}" of one recipe`,
          place: source.place(path),
          hint: 'keep one of the two entries',
        });
      }
      seen.add(entry.name);
      merged.set(entry.name, { entry: entry as Entry, source, path });
    }
  }
  return [...merged.values()].filter(({ entry }) => !entry.disabled);
}

/** The service that starts an entry: the one that can, or the one that is named. Where not all services are known, no fault. */
export function findEngine(
  { name, engine }: Pick<ContainerEntry, 'name' | 'engine'>,
  kind: StartKind,
  { source, path }: { readonly source: YamlSource; readonly path: YamlPath },
  services: readonly LoadedService[] | undefined,
  faults: FaultList,
): string | undefined {
  if (services === undefined) return '';
  const able = services.flatMap(({ definition }) =>
    definition.starts.includes(kind) ? definition.name : [],
  );
  const [only, another] = able;
  if (engine === undefined && only !== undefined && another === undefined) return only;
  if (engine !== undefined && able.includes(engine)) return engine;
  const what = kind === 'compose' ? 'the Compose project' : 'the container';
  if (engine !== undefined) {
    faults.add({
      code: 'ENGINE_UNKNOWN',
      message: `Cannot start ${what} "${name}" with "${engine}": the recipe has no such engine`,
      place: source.place([...path, 'engine']),
      hint: suggestName(engine, able, 'engines'),
    });
    return undefined;
  }
  faults.add({
    code: only === undefined ? 'ENGINE_MISSING' : 'ENGINE_AMBIGUOUS',
    message:
      only === undefined
        ? `Cannot start ${what} "${name}": no service of the recipe starts any`
        : `Cannot start ${what} "${name}": ${able.join(' and ')} could`,
    place: source.place(path),
    hint:
      only === undefined
        ? kind === 'compose'
          ? 'add the engine with its option: "services: [{ name: docker, with: [compose] }]"'
          : 'add an engine: "services: [docker]"'
        : `write "engine: ${only}"`,
  });
  return undefined;
}

/** What is in a file beside the recipe can only be built in. */
export function checkPullable(image: ImageRequest, isPreloaded: boolean, faults: FaultList): void {
  if (isPreloaded || image.source.kind === 'registry') return;
  faults.add({
    code: 'IMAGE_UNREACHABLE',
    message: `Cannot let the machine pull ${image.reference}: it is in no registry`,
    place: image.place,
    hint: 'remove "preload: false", or push it to a registry',
  });
}

/** Ports of the machine, each for one container or service. */
function checkPorts(
  entries: readonly WrittenEntry<ContainerEntry>[],
  services: readonly LoadedService[] | undefined,
  faults: FaultList,
): void {
  const owners = new Map<string, string>();
  for (const { definition } of services ?? []) {
    if (definition.namespaces.network !== 'machine') continue;
    for (const { port, protocol } of definition.ports) owners.set(`${port}/${protocol}`, definition.name);
  }
  for (const { entry, source, path } of entries) {
    for (const [index, text] of entry.ports.entries()) {
      const found = parsePublishedPorts(text);
      if (found === undefined || found.first !== found.last) continue;
      const key = `${found.first}/${found.protocol}`;
      const owner = owners.get(key);
      // Of two addresses nobody knows here whether they meet.
      if (text.split(':').length > 2) continue;
      if (owner !== undefined) {
        faults.add({
          code: 'PORT_DUPLICATE',
          message: `Cannot open port ${key} for the container "${entry.name}": "${owner}" has it`,
          place: source.place([...path, 'ports', index]),
          hint: 'publish it at another port of the machine',
        });
      }
      owners.set(key, entry.name);
    }
  }
}
