import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readLockfile } from '../lock/lockfile-io.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import { renderShow } from '../report/render-show.ts';
import { showBundle } from '../report/show-bundle.ts';
import { showDisk } from '../report/show-disk.ts';
import { showRecipe } from '../report/show-recipe.ts';
import { isBundleFile } from '../update/bundle-file.ts';
import { type CommandContext, withSession } from './session.ts';

/** `keelson show RECIPE|DISK|BUNDLE`: what is inside; a disk is any regular file that is no bundle. */
export async function runShowCommand(context: CommandContext, subject: string): Promise<void> {
  const path = resolve(context.workingFolder, subject);
  const isFile = await stat(path).then(
    (status) => status.isFile() && !path.endsWith('.yaml'),
    () => false,
  );
  const shown = await withSession(context, async ({ workshop }) => {
    if (isFile) return (await isBundleFile(path)) ? showBundle(workshop, path) : showDisk(workshop, path);
    const recipe = await loadRecipe({
      name: subject,
      repositoryFolder: context.repositoryFolder,
      workingFolder: context.workingFolder,
    });
    return showRecipe(workshop, recipe, await readLockfile(recipe));
  });
  context.writeOut(context.isJson ? JSON.stringify({ type: 'shown', ...shown }) : renderShow(shown));
}
