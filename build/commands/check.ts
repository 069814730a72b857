import { loadRecipe } from '../recipe/load-recipe.ts';
import type { CommandContext } from './session.ts';

/** `keelson check RECIPE`: every fault that can be found without a network. */
export async function runCheckCommand(context: CommandContext, recipeName: string): Promise<void> {
  const recipe = await loadRecipe({
    name: recipeName,
    repositoryFolder: context.repositoryFolder,
    workingFolder: context.workingFolder,
  });
  const services = recipe.services.map((service) => service.name);
  context.writeOut(
    context.isJson
      ? JSON.stringify({ type: 'check-finished', recipe: recipe.name, version: recipe.version, services })
      : `${recipe.name} ${recipe.version} (${recipe.architecture}) is good; services: ${services.join(', ')}`,
  );
}
