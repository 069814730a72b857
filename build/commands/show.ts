import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { writeDurably } from '../host/write-durably.ts';
import { readLockfile } from '../lock/lockfile-io.ts';
import { loadRecipe } from '../recipe/load-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { renderShow } from '../report/render-show.ts';
import { showBundle } from '../report/show-bundle.ts';
import { showDisk } from '../report/show-disk.ts';
import { showRecipe } from '../report/show-recipe.ts';
import type { Shown } from '../report/shown.ts';
import { measureRecipe } from '../report/size/measure-recipe.ts';
import { measureBundle, measureDisk } from '../report/size/measure-slot-file.ts';
import { renderSizes } from '../report/size/render-sizes.ts';
import { renderTreemap } from '../report/size/render-treemap.ts';
import { isBundleFile } from '../update/bundle-file.ts';
import { type CommandContext, type Session, withSession } from './session.ts';

export interface ShowOptions {
  /** Where each byte of kernel image and root is, instead of all else. */
  readonly size?: boolean;
  /** With `size`: a file for the treemap. */
  readonly html?: string;
}

/** What is done with each kind of subject. */
interface Looks<Result> {
  recipe(recipe: Recipe, session: Session): Promise<Result>;
  disk(path: string, session: Session): Promise<Result>;
  bundle(path: string, session: Session): Promise<Result>;
}

/** `keelson show RECIPE|DISK|BUNDLE`: what is inside; a disk is any regular file that is no bundle. */
export async function runShowCommand(
  context: CommandContext,
  subject: string,
  options: ShowOptions,
): Promise<void> {
  if (options.html !== undefined && options.size !== true) throw htmlWithoutSize();
  if (options.size === true) return showSizes(context, subject, options.html);
  const shown = await look<Shown>(context, subject, {
    recipe: async (recipe, { workshop }) => showRecipe(workshop, recipe, await readLockfile(recipe)),
    disk: (path, { workshop }) => showDisk(workshop, path),
    bundle: (path, { workshop }) => showBundle(workshop, path),
  });
  context.writeOut(context.isJson ? JSON.stringify({ type: 'shown', ...shown }) : renderShow(shown));
}

async function showSizes(context: CommandContext, subject: string, html: string | undefined): Promise<void> {
  const sizes = await look(context, subject, {
    recipe: async (recipe, { workshop }) => measureRecipe(workshop, recipe, await readLockfile(recipe)),
    disk: (path, { workshop }) => measureDisk(workshop, path),
    bundle: (path, { workshop }) => measureBundle(workshop, path),
  });
  if (html !== undefined) await writePage(resolve(context.workingFolder, html), renderTreemap(sizes));
  context.writeOut(context.isJson ? JSON.stringify({ type: 'shown', ...sizes }) : renderSizes(sizes));
}

async function look<Result>(context: CommandContext, subject: string, looks: Looks<Result>): Promise<Result> {
  const path = resolve(context.workingFolder, subject);
  const isFile = await stat(path).then(
    (status) => status.isFile() && !path.endsWith('.yaml'),
    () => false,
  );
  return withSession(context, async (session) => {
    if (isFile) return (await isBundleFile(path)) ? looks.bundle(path, session) : looks.disk(path, session);
    const recipe = await loadRecipe({
      name: subject,
      repositoryFolder: context.repositoryFolder,
      workingFolder: context.workingFolder,
    });
    return looks.recipe(recipe, session);
  });
}

async function writePage(path: string, text: string): Promise<void> {
  try {
    await writeDurably(path, { content: text, mode: 0o666 });
  } catch (cause) {
    const { message } = cause as Error;
    throw new KeelsonError({
      code: 'OUTPUT_NOT_WRITABLE',
      class: 'environment',
      message: `Cannot write ${path}: ${message}`,
      hint: 'Name a file in a folder that is there and that you may write to with --html.',
      cause,
    });
  }
}

function htmlWithoutSize(): KeelsonError {
  return new KeelsonError({
    code: 'ARGUMENTS_INVALID',
    class: 'input',
    message: 'Cannot write --html without --size: the page is a map of sizes',
    hint: 'Add --size.',
  });
}
