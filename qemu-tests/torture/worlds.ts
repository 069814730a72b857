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

/** RAUC reads the whole slot when it does not know what is in it: small ones take less of the processor. */
const small = './qemu-tests/recipes/small-slots';

export const worlds = {
  plain: { name: 'plain', recipe: small, newRecipe: async () => small, isWhole: true },
  /** The new version does not fit its slot, which is moved before it is written. */
  outgrown: {
    name: 'outgrown',
    recipe: small,
    newRecipe: (folder) => writeBallastRecipe(folder, 12),
    isWhole: false,
  },
} as const satisfies Record<WorldName, World>;
