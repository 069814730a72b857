import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { writeDurably } from '../host/write-durably.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { requestDigest } from './lock-groups.ts';
import type { Lockfile } from './lockfile.ts';
import { lockfileText } from './lockfile-text.ts';
import { parseLockfile } from './parse-lockfile.ts';

type RecipeFolder = Pick<Recipe, 'name' | 'folder' | 'argument'>;

/** Where a recipe's lockfile lies. */
export function lockfilePath(recipe: RecipeFolder): string {
  return join(recipe.folder, 'recipe.lock.json');
}

/**
 * The recipe's lockfile, checked. Errors: LOCKFILE_MISSING, LOCKFILE_UNREADABLE, LOCKFILE_FORMAT_UNSUPPORTED,
 * LOCKFILE_OUTDATED when the recipe asks for something else than when it was locked.
 */
export async function readLockfile(recipe: Recipe): Promise<Lockfile> {
  const lockfile = await readAnyLockfile(recipe);
  if (lockfile === undefined) {
    throw new KeelsonError({
      code: 'LOCKFILE_MISSING',
      class: 'input',
      message: `Cannot build ${recipe.name}: it has no lockfile`,
      place: { file: lockfilePath(recipe) },
      hint: `Run \`keelson lock ${recipe.argument}\`.`,
    });
  }
  if (lockfile.requestDigest !== requestDigest(recipe)) {
    throw new KeelsonError({
      code: 'LOCKFILE_OUTDATED',
      class: 'input',
      message: `Cannot build ${recipe.name}: its packages, the files taken from them, or its images changed after it was locked`,
      place: { file: lockfilePath(recipe) },
      hint: `Run \`keelson lock ${recipe.argument}\`.`,
    });
  }
  return lockfile;
}

/** The lockfile that locking replaces, outdated or not; `undefined` when there is none that can be read. */
export async function readLockfileIfPresent(recipe: RecipeFolder): Promise<Lockfile | undefined> {
  try {
    return await readAnyLockfile(recipe);
  } catch (error) {
    if (error instanceof KeelsonError) return undefined;
    throw error;
  }
}

async function readAnyLockfile(recipe: RecipeFolder): Promise<Lockfile | undefined> {
  const file = lockfilePath(recipe);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw new KeelsonError({
      code: 'LOCKFILE_UNREADABLE',
      class: 'input',
      message: `Cannot read the lockfile of ${recipe.name}: ${(error as Error).message}`,
      place: { file },
      hint: 'Make it a file that you may read.',
      cause: error,
    });
  }
  return parseLockfile(recipe, file, text);
}

/** Durably. Returns whether anything changed; an unchanged file is not touched. */
export async function writeLockfile(recipe: RecipeFolder, lockfile: Lockfile): Promise<boolean> {
  const file = lockfilePath(recipe);
  const text = lockfileText(lockfile);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return false;
  try {
    await writeDurably(file, { content: text, mode: 0o666 });
  } catch (error) {
    throw new KeelsonError({
      code: 'LOCKFILE_UNWRITABLE',
      class: 'environment',
      message: 'Cannot write the lockfile',
      place: { file },
      hint: 'Make its folder writable, and free space if the disk is full.',
      cause: error,
    });
  }
  return true;
}
