import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { ServiceRequest } from '../services/merge-values.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { RecipeFile } from './recipe-schema.ts';
import type { YamlSource } from './yaml-source.ts';

/** A value and where it was written. */
export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

/** The last recipe of the chain that has the key gives its value; `undefined` when none has it. */
export function lastGiven<K extends keyof RecipeFile>(
  chain: readonly ReadRecipe[],
  key: K,
): Placed<NonNullable<RecipeFile[K]>> | undefined {
  const recipe = chain.findLast(({ value }) => value[key] !== undefined);
  const value = recipe?.value[key];
  if (recipe === undefined || value === undefined || value === null) return undefined;
  return { value, place: recipe.source.place([key]) };
}

/**
 * Services of all recipes: an extending recipe appends; an entry of the same name keeps its position and lays
 * its values over the earlier ones and adds its options; `disabled: true` removes it. An entry with an image is a whole service.
 */
export function mergeServices(chain: readonly ReadRecipe[], faults: FaultList): ServiceRequest[] {
  const merged = new Map<string, ServiceRequest & { readonly isDisabled: boolean }>();
  for (const { value, source } of chain) {
    const seen = new Set<string>();
    for (const [index, entry] of value.services.entries()) {
      const place = source.place(['services', index]);
      const own = typeof entry === 'object' ? readOwnService(entry, source, index, faults) : undefined;
      const wish = typeof entry === 'string' ? { name: entry, values: {}, with: [], disabled: false } : entry;
      if (seen.has(wish.name)) {
        faults.add({
          code: 'SERVICE_DUPLICATE',
          message: `Cannot have the service "${wish.name}" twice in one recipe`,
          place,
          hint: 'keep one of the two entries',
        });
        continue;
      }
      seen.add(wish.name);
      // Of a service that is written here, they are its own.
      const given = Object.entries(own === undefined ? wish.values : {}).map(
        ([key, item]): [string, Placed<unknown>] => [
          key,
          { value: item, place: source.keyPlace(['services', index, 'values', key]) },
        ],
      );
      const options = wish.with.map((option, at): [string, Place] => [
        option,
        source.place(['services', index, 'with', at]),
      ]);
      const definition = own ?? merged.get(wish.name)?.definition;
      merged.set(wish.name, {
        name: wish.name,
        place,
        ...(definition === undefined ? {} : { definition }),
        values: new Map([...(merged.get(wish.name)?.values ?? []), ...given]),
        options: new Map([...(merged.get(wish.name)?.options ?? []), ...options]),
        isDisabled: wish.disabled,
      });
    }
  }
  return [...merged.values()].filter((service) => !service.isDisabled);
}

type ServiceEntry = Exclude<RecipeFile['services'][number], string>;

/** Keys that an entry may have beside the name of a service that is defined elsewhere. */
const entryKeys = new Set(['name', 'values', 'with', 'disabled']);

/** A service that is written in the recipe itself; `undefined` when the entry only names one. */
function readOwnService(
  { disabled: _, with: __, ...entry }: ServiceEntry,
  source: YamlSource,
  index: number,
  faults: FaultList,
): ServiceRequest['definition'] {
  const above = ['services', index] as const;
  if (entry.image === undefined) {
    const written = (source.value as { services?: readonly unknown[] }).services?.[index] ?? {};
    const strange = Object.keys(written).find((key) => source.has([...above, key]) && !entryKeys.has(key));
    if (strange !== undefined) {
      faults.add({
        code: 'KEY_UNKNOWN',
        message: `Cannot use the key "${strange}" in an entry of "services" that has no image`,
        place: source.keyPlace([...above, strange]),
        hint: `write it into the service.yaml of "${entry.name}", or add "image: registry/name:tag"`,
      });
    }
    return undefined;
  }
  const reference = typeof entry.image === 'string' ? entry.image : entry.image.from;
  return {
    file: { ...entry, description: entry.description ?? `OCI image ${reference}`.slice(0, 200) },
    source: {
      ...source,
      has: (path) => source.has([...above, ...path]),
      place: (path) => source.place([...above, ...path]),
      keyPlace: (path) => source.keyPlace([...above, ...path]),
    },
  };
}
