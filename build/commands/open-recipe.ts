import { withSpan } from '../events/span.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { CommandContext } from './session.ts';

/** The recipe that a command names, read and checked; `version` in place of its own. */
export function openRecipe(
  { repositoryFolder, workingFolder, observe = () => {} }: CommandContext,
  name: string,
  version?: string,
): Promise<Recipe> {
  const wanted = { name, repositoryFolder, workingFolder, ...(version === undefined ? {} : { version }) };
  return withSpan(observe, { kind: 'work', title: 'read and check the recipe' }, () => loadRecipe(wanted));
}
