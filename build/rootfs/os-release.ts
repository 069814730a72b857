import type { Recipe } from '../recipe/recipe.ts';

/** os-release(5) of the machine; the UKI carries the same text. */
export function makeOsRelease(recipe: Pick<Recipe, 'name' | 'version' | 'architecture'>): string {
  const fields: Readonly<Record<string, string>> = {
    ID: 'keelson',
    ID_LIKE: 'debian',
    NAME: 'Keelson',
    PRETTY_NAME: `Keelson ${recipe.name} ${recipe.version}`,
    VERSION: recipe.version,
    VERSION_ID: recipe.version,
    VARIANT: recipe.name,
    VARIANT_ID: recipe.name,
    IMAGE_ID: recipe.name,
    IMAGE_VERSION: recipe.version,
    ARCHITECTURE: recipe.architecture,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${/^[a-zA-Z0-9._-]+$/.test(value) ? value : `"${value}"`}\n`)
    .join('');
}
