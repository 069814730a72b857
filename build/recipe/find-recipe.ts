import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { listFoldersWith } from '../services/load-layer.ts';
import { type CheckedShape, checkShape, showValue } from './check-shape.ts';
import { type RecipeFile, recipeFormat, recipeSchema } from './recipe-schema.ts';
import { readYamlSource } from './yaml-source.ts';

/** One recipe file as written, with its places. */
export type ReadRecipe = CheckedShape<RecipeFile>;

export interface RecipeChain {
  /** The farthest ancestor first, the named one last. */
  readonly chain: readonly ReadRecipe[];
  /** Whether every ancestor could be read. */
  readonly isWhole: boolean;
}

/** Reads a recipe and all it extends; `undefined` with faults when the named one cannot be read, or they go in a circle. */
export async function readRecipeChain(
  options: { readonly name: string; readonly repositoryFolder: string; readonly workingFolder: string },
  faults: FaultList,
): Promise<RecipeChain | undefined> {
  const recipesFolder = join(options.repositoryFolder, 'recipes');
  const chain: ReadRecipe[] = [];
  const visited: string[] = [];
  let wanted: WantedRecipe = { name: options.name, from: options.workingFolder, place: undefined };
  for (;;) {
    const file = await findRecipeFile(wanted, recipesFolder, faults);
    if (file === undefined) return whatIsRead(chain);
    if (visited.includes(file)) {
      const circle = [...visited.slice(visited.indexOf(file)), file].map((path) => basename(dirname(path)));
      faults.add({
        code: 'RECIPE_CYCLE',
        message: `Cannot extend in a circle: ${circle.join(' → ')}`,
        ...(wanted.place === undefined ? {} : { place: wanted.place }),
        hint: 'remove "extends" from one of them',
      });
      return undefined;
    }
    visited.push(file);
    const read = await readRecipeFile(file, faults);
    if (read === undefined) return whatIsRead(chain);
    chain.unshift(read);
    if (read.value.extends === undefined) return { chain, isWhole: !read.faultyKeys.has('extends') };
    wanted = { name: read.value.extends, from: read.source.folder, place: read.source.place(['extends']) };
  }
}

/** An ancestor is missing: the rest can still be looked at for more faults. */
function whatIsRead(chain: readonly ReadRecipe[]): RecipeChain | undefined {
  return chain.length === 0 ? undefined : { chain, isWhole: false };
}

interface WantedRecipe {
  readonly name: string;
  /** Relative paths start here. */
  readonly from: string;
  readonly place: Place | undefined;
}

async function findRecipeFile(
  wanted: WantedRecipe,
  recipesFolder: string,
  faults: FaultList,
): Promise<string | undefined> {
  const { name } = wanted;
  const place = wanted.place === undefined ? {} : { place: wanted.place };
  const isPath = isAbsolute(name) || /[/\\]|\.ya?ml$/.test(name) || name.startsWith('.');
  if (!isPath) {
    const names = await listFoldersWith(recipesFolder, 'recipe.yaml');
    if (names.includes(name)) return realpath(join(recipesFolder, name, 'recipe.yaml'));
    const hint = `${suggestName(name, names, 'recipes')} (a path needs a slash: ./${name})`;
    faults.add({ code: 'RECIPE_UNKNOWN', message: `Cannot find the recipe "${name}"`, ...place, hint });
    return undefined;
  }
  const path = resolve(wanted.from, name);
  for (const candidate of /\.ya?ml$/.test(path) ? [path] : [join(path, 'recipe.yaml')]) {
    try {
      return await realpath(candidate);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  faults.add({
    code: 'RECIPE_UNKNOWN',
    message: `Cannot find the recipe "${name}": there is no such file`,
    ...place,
    hint: `create ${/\.ya?ml$/.test(path) ? path : join(path, 'recipe.yaml')} or correct the path`,
  });
  return undefined;
}

async function readRecipeFile(file: string, faults: FaultList): Promise<ReadRecipe | undefined> {
  const source = await readYamlSource(file, faults);
  if (source === undefined) return undefined;
  const format = (source.value as { format?: unknown } | undefined)?.format;
  if (format !== undefined && format !== recipeFormat) {
    faults.add({
      code: 'RECIPE_FORMAT_UNSUPPORTED',
      class: 'unsupported',
      message: `Cannot read a recipe of format ${showValue(format)}: this builder reads format ${recipeFormat}`,
      place: source.place(['format']),
      hint: `use the version of the builder that the recipe was written for, or write it anew as format ${recipeFormat}`,
    });
    return undefined;
  }
  const fallback = { name: basename(source.folder) };
  return checkShape(source, recipeSchema, fallback, faults);
}
