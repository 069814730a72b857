import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { repositoryFolder, testOutputFolder } from './test-workshop.ts';

/**
 * `npm run qemu-tests:on -- RECIPE [PATH…]`: every machine test that `minimal` has, on a recipe that extends it. The tests run in a
 * copy of the repository in which `minimal` is what that recipe says, and all that extends `minimal` extends that.
 */
const [name, ...paths] = process.argv.slice(2);
if (name === undefined || name.startsWith('-')) {
  process.stderr.write(
    'Which recipe? For instance: npm run qemu-tests:on -- tiny qemu-tests/update.test.ts\n',
  );
  process.exit(2);
}

const copy = join(testOutputFolder, `on-${name}`);
await copyRepository();
const ground = join(copy, 'recipes/minimal-ground');
await rename(join(copy, 'recipes/minimal'), ground);
await rewrite(join(ground, 'recipe.yaml'), (recipe) => recipe.set('name', 'minimal-ground'));
await cp(join(copy, 'recipes', name), join(copy, 'recipes/minimal'), { recursive: true });
await rewrite(join(copy, 'recipes/minimal/recipe.yaml'), (recipe) => {
  if (recipe.get('extends') !== 'minimal') throw new Error(`${name} does not extend minimal`);
  recipe.set('name', 'minimal');
  recipe.set('extends', 'minimal-ground');
});
for (const recipe of await recipesOnMinimal()) {
  process.stdout.write(`keelson lock ${recipe}\n`);
  execFileSync(join(copy, 'keelson'), ['lock', recipe], {
    cwd: copy,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
const suite = paths.some((path) => path.includes('.long.')) ? 'long' : 'machine';
const { status } = spawnSync(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    `--selectProjects=${suite}`,
    '--runInBand',
    ...paths,
  ],
  { cwd: copy, stdio: 'inherit' },
);
process.exitCode = status ?? 1;

/** What Git knows or would take; the packages of npm are those of the repository. */
async function copyRepository(): Promise<void> {
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy, { recursive: true });
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: repositoryFolder,
    encoding: 'utf8',
  });
  for (const path of listed.split('\0').filter(Boolean)) {
    await cp(join(repositoryFolder, path), join(copy, path)).catch((error: NodeJS.ErrnoException) => {
      // Removed, and not yet committed.
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await symlink(join(repositoryFolder, 'node_modules'), join(copy, 'node_modules'));
}

async function rewrite(
  path: string,
  change: (recipe: ReturnType<typeof parseDocument>) => void,
): Promise<void> {
  const recipe = parseDocument(await readFile(path, 'utf8'));
  change(recipe);
  await writeFile(path, recipe.toString());
}

/** All whose packages change with `minimal`: the recipes of the tests and those that people extend. */
async function recipesOnMinimal(): Promise<readonly string[]> {
  const folders = ['recipes', 'qemu-tests/recipes'];
  const found: string[] = [];
  for (const folder of folders) {
    for (const entry of (await readdir(join(copy, folder), { withFileTypes: true })).sort(byName)) {
      if (!entry.isDirectory() || entry.name === name) continue;
      const text = await readFile(join(copy, folder, entry.name, 'recipe.yaml'), 'utf8').catch(() => '');
      if (/^extends: \S*(?:minimal|brisk|web|docker)$/m.test(text)) found.push(`./${folder}/${entry.name}`);
    }
  }
  return found;
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : 1;
}
