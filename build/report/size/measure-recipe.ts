import { readFile } from 'node:fs/promises';
import type { Lockfile } from '../../lock/lockfile.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { Workshop } from '../../tools/workshop.ts';
import { stageRecipe } from '../stage-recipe.ts';
import { measureSlot, type ShownSizes } from './measure-slot.ts';
import { readVolume, withFile } from './read-volume.ts';

/** What a build of the recipe puts into a slot; files by their packages. */
export async function measureRecipe(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<ShownSizes> {
  const { composed, sealed, uki } = await stageRecipe(workshop, recipe, lockfile);
  const volume = withFile(sealed.path, (read) => readVolume(sealed.path, read));
  return measureSlot({
    name: recipe.name,
    version: recipe.version,
    tree: composed.tree,
    volume,
    sizeBytes: sealed.sizeBytes,
    hashOffsetBytes: sealed.hashOffsetBytes,
    uki: await readFile(uki.path),
  });
}
