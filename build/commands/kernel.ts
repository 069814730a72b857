import { openLockedPackages } from '../debian/open-packages.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { configureKernel } from '../kernel/configure-kernel.ts';
import { mergeFragments } from '../kernel/kernel-fragment.ts';
import { findKernelSource } from '../kernel/kernel-source.ts';
import { readRequiredSymbols } from '../kernel/required-symbols.ts';
import { readLockfile } from '../lock/lockfile-io.ts';
import { runStage } from '../pipeline/stages.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import { explainSymbol, renderExplainedSymbol } from '../report/explain-symbol.ts';
import { type CommandContext, withSession } from './session.ts';

/** `keelson kernel explain SYMBOL`: what it is in the configuration of a recipe's kernel, and who wants it so. */
export async function runKernelExplainCommand(
  context: CommandContext,
  symbol: string,
  recipeName: string,
): Promise<void> {
  const { repositoryFolder, workingFolder } = context;
  const explained = await withSession(
    context,
    async ({ workshop, steps }) => {
      const recipe = await loadRecipe({ name: recipeName, repositoryFolder, workingFolder });
      const { kernel } = recipe;
      if (kernel.kind !== 'source') {
        throw new KeelsonError({
          code: 'KERNEL_NOT_OWN',
          class: 'input',
          message: `Cannot explain the kernel of ${recipe.name}: Debian configured it`,
          place: recipe.place,
          hint: 'Name a recipe whose kernel has a source: keelson kernel explain SYMBOL --recipe tiny',
        });
      }
      const lockfile = await readLockfile(recipe);
      const packages = await runStage(workshop, steps, 'packages', () =>
        openLockedPackages(workshop, recipe, lockfile),
      );
      const { values } = await runStage(workshop, steps, 'kernel', () =>
        configureKernel(workshop, recipe, findKernelSource(packages, recipe)),
      );
      return explainSymbol(symbol, {
        wanted: mergeFragments(kernel.fragments),
        required: await readRequiredSymbols(recipe.architecture),
        values,
        folder: workingFolder,
      });
    },
    ['packages', 'kernel'],
  );
  context.writeOut(
    context.isJson ? JSON.stringify({ type: 'explained', ...explained }) : renderExplainedSymbol(explained),
  );
}
