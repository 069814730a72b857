import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderError } from '../errors/render-error.ts';
import { loadRecipe } from './load-recipe.ts';
import type { Recipe } from './recipe.ts';

/** For tests: the files of a small repository by path, laid over one that has what every recipe needs. */
export type FixtureFiles = Readonly<Record<string, string>>;

const ground: FixtureFiles = {
  'rootfs/layers/base/layer.yaml': 'name: base\ndescription: Ground\nfiles: [/usr/bin/init]\n',
  'rootfs/layers/initramfs/layer.yaml': 'name: initramfs\ndescription: Before the root\n',
  'rootfs/programs/state/main.ts': '',
};

/** A recipe that begins with what every recipe must have, and its further lines. */
export function recipeText(name: string, ...lines: readonly string[]): string {
  return [`name: ${name}`, 'version: 2026.11.0', 'description: A recipe', ...lines, ''].join('\n');
}

/** A service that does nothing, and its further lines. */
export function serviceText(name: string, ...lines: readonly string[]): string {
  return [`name: ${name}`, 'description: A service', `command: [/usr/bin/${name}]`, ...lines, ''].join('\n');
}

/** Runs `action` with the repository in a folder that is removed afterwards. */
export async function withRepository<T>(
  files: FixtureFiles,
  action: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'keelson-recipe-')));
  try {
    for (const [path, text] of Object.entries({ ...ground, ...files })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Loads a recipe of such a repository. */
export function loadFixture(files: FixtureFiles, name = 'mine'): Promise<Recipe> {
  return withRepository(files, (folder) =>
    loadRecipe({ name, repositoryFolder: folder, workingFolder: folder }),
  );
}

/** What a person reads when loading fails; paths in it are relative to the repository. */
export function renderFaults(files: FixtureFiles, name = 'mine'): Promise<string> {
  return withRepository(files, async (folder) => {
    try {
      await loadRecipe({ name, repositoryFolder: folder, workingFolder: folder });
    } catch (error) {
      const text = renderError(error, { isColoured: false, workingFolder: folder });
      return text.replaceAll(`${folder}/`, '');
    }
    return 'no faults';
  });
}
