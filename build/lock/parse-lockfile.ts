import { isNode, parseDocument } from 'yaml';
import { KeelsonError, type Place } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { findJsonFault } from './find-json-fault.ts';
import { type Lockfile, lockfileFormat } from './lockfile.ts';
import { lockfileSchema } from './lockfile-schema.ts';
import { packageKey } from './package-key.ts';

type NamedRecipe = Pick<Recipe, 'name' | 'argument'>;

/** Reads the text of a lockfile; see readLockfile for the errors. */
export function parseLockfile(recipe: NamedRecipe, file: string, text: string): Lockfile {
  const fault = findJsonFault(text);
  if (fault !== undefined)
    throw unreadable(recipe, placeAt(file, text, fault), 'it is not JSON from here on');
  const value: unknown = JSON.parse(text);
  const format = (value as { format?: unknown } | null)?.format;
  if (Number.isInteger(format) && format !== lockfileFormat) {
    throw new KeelsonError({
      code: 'LOCKFILE_FORMAT_UNSUPPORTED',
      class: 'unsupported',
      message: `Cannot read the lockfile of ${recipe.name}: its format is ${format}, this Keelson reads format ${lockfileFormat}`,
      place: placeOf(file, text, ['format']),
      hint: `Run \`keelson lock ${recipe.argument}\`, or use the Keelson that wrote it.`,
    });
  }
  const parsed = lockfileSchema.safeParse(value);
  const [issue] = parsed.error?.issues ?? [];
  if (!parsed.success) {
    const path = (issue?.path ?? []).map((part) => (typeof part === 'number' ? part : String(part)));
    const at = path.join('.') || 'the whole';
    throw unreadable(recipe, placeOf(file, text, path), `${at}: ${issue?.message ?? 'is wrong'}`);
  }
  const { images, ...others } = parsed.data;
  const lockfile: Lockfile = images === undefined ? others : { ...others, images };
  checkReferences(recipe, file, text, lockfile);
  return lockfile;
}

function checkReferences(recipe: NamedRecipe, file: string, text: string, lockfile: Lockfile): void {
  for (const [key, locked] of Object.entries(lockfile.packages)) {
    if (packageKey(locked) === key) continue;
    throw unreadable(recipe, placeOf(file, text, ['packages', key]), `${key} is the name of another package`);
  }
  for (const [name, group] of Object.entries(lockfile.groups)) {
    const missing = group.packages.findIndex((key) => !Object.hasOwn(lockfile.packages, key));
    if (missing === -1) continue;
    const place = placeOf(file, text, ['groups', name, 'packages', missing]);
    throw unreadable(recipe, place, `${group.packages[missing]} is not among its packages`);
  }
}

function unreadable(recipe: NamedRecipe, place: Place, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'LOCKFILE_UNREADABLE',
    class: 'input',
    message: `Cannot read the lockfile of ${recipe.name}: ${reason}`,
    place,
    hint: `Restore the file, or run \`keelson lock ${recipe.argument}\` to write it anew.`,
  });
}

/** JSON is YAML, and the YAML library keeps positions. */
function placeOf(file: string, text: string, path: readonly (string | number)[]): Place {
  const document = parseDocument(text);
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return placeAt(file, text, node.range[0]);
  }
  return placeAt(file, text, 0);
}

function placeAt(file: string, text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  const line = before.length;
  return {
    file,
    line,
    column: (before.at(-1) ?? '').length + 1,
    sourceLine: text.split('\n')[line - 1] ?? '',
  };
}
