import { machineLayout } from '../contract/machine-layout.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** Name below the folder for trust → text. All of it is public. */
export type TrustFiles = ReadonlyMap<string, string>;

/** Whether a service looks for trust that the recipe does not give itself. */
export function wantsTrust(recipe: Pick<Recipe, 'services' | 'files'>): boolean {
  const isAsked = recipe.services.some(({ mounts }) =>
    mounts.some(({ source }) => source === machineLayout.trust),
  );
  return isAsked && !recipe.files.some(({ path }) => path.startsWith(`${machineLayout.trust}/`));
}
