import { describeLockChanges } from '../lock/describe-lock-changes.ts';
import { lockRecipe } from '../lock/lock-recipe.ts';
import { readLockfile, readLockfileIfPresent, writeLockfile } from '../lock/lockfile-io.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import { type CommandContext, withSession } from './session.ts';

export interface LockOptions {
  /** Only say whether the lockfile still fits the recipe. */
  readonly check?: boolean;
}

/** `keelson lock RECIPE`: pins every package that the recipe's files come from. */
export async function runLockCommand(
  context: CommandContext,
  recipeName: string,
  options: LockOptions,
): Promise<void> {
  const recipe = await loadRecipe({
    name: recipeName,
    repositoryFolder: context.repositoryFolder,
    workingFolder: context.workingFolder,
  });
  if (options.check === true) {
    await readLockfile(recipe);
    report(context, recipe.name, []);
    return;
  }
  const before = await readLockfileIfPresent(recipe);
  const changes = await withSession(context, async ({ workshop }) => {
    const after = await lockRecipe(workshop, recipe);
    await writeLockfile(recipe, after);
    return describeLockChanges(before, after);
  });
  report(context, recipe.name, changes);
}

function report(context: CommandContext, what: string, changes: readonly string[]): void {
  if (context.isJson) {
    context.writeOut(JSON.stringify({ type: 'lock-finished', recipe: what, changes }));
    return;
  }
  for (const change of changes) context.writeOut(change);
  context.writeOut(changes.length === 0 ? `${what}: the lockfile is current` : `${what}: locked`);
}
