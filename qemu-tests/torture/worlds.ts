import { writeBallastRecipe } from '../support/write-ballast-recipe.ts';

/** What is updated to what. */
export interface World {
  readonly name: WorldName;
  readonly recipe: string;
  /** Made in that folder; gives the recipe's name or folder. */
  newRecipe(folder: string): Promise<string>;
  /** Up to the commit and the demotion, not only up to the restart. */
  readonly isWhole: boolean;
}

export type WorldName = 'plain' | 'outgrown';

export const worlds = {
  plain: { name: 'plain', recipe: 'minimal', newRecipe: async () => 'minimal', isWhole: true },
  /** The new version does not fit its slot, which is moved before it is written. */
  outgrown: {
    name: 'outgrown',
    recipe: './qemu-tests/recipes/small-slots',
    newRecipe: (folder) => writeBallastRecipe(folder, 12),
    isWhole: false,
  },
} as const satisfies Record<WorldName, World>;
