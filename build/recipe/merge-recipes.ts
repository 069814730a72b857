import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { ServiceRequest } from '../services/merge-values.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { RecipeFile } from './recipe-schema.ts';

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
 * its values over the earlier ones; `disabled: true` removes it.
 */
export function mergeServices(chain: readonly ReadRecipe[], faults: FaultList): ServiceRequest[] {
  const merged = new Map<string, ServiceRequest & { readonly isDisabled: boolean }>();
  for (const { value, source } of chain) {
    const seen = new Set<string>();
    for (const [index, entry] of value.services.entries()) {
      const wish = typeof entry === 'string' ? { name: entry, values: {}, disabled: false } : entry;
      const place = source.place(['services', index]);
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
      const given = Object.entries(wish.values).map(([key, item]): [string, Placed<unknown>] => [
        key,
        { value: item, place: source.keyPlace(['services', index, 'values', key]) },
      ]);
      merged.set(wish.name, {
        name: wish.name,
        place,
        values: new Map([...(merged.get(wish.name)?.values ?? []), ...given]),
        isDisabled: wish.disabled,
      });
    }
  }
  return [...merged.values()].filter((service) => !service.isDisabled);
}
