import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { loadRecipe } from '../recipe/load-recipe.ts';
import { readLockfile } from './lockfile-io.ts';

const repositoryFolder = fileURLToPath(new URL('../..', import.meta.url));

const recipes = ['recipes', 'qemu-tests/recipes'].flatMap((parent) =>
  readdirSync(join(repositoryFolder, parent))
    .map((name) => join(parent, name))
    .filter((folder) => existsSync(join(repositoryFolder, folder, 'recipe.yaml')))
    .sort(),
);

// When this fails after a change of services, layers or recipes: `keelson lock RECIPE`.
test.each(recipes)('the lockfile of %s fits its recipe', async (folder) => {
  const name = join(repositoryFolder, folder);
  const recipe = await loadRecipe({ name, repositoryFolder, workingFolder: repositoryFolder });
  const lockfile = await readLockfile(recipe);
  expect(lockfile.recipe).toBe(recipe.name);
});
