import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { artefactOf, type BuildReport, repositoryFolder } from '../../../qemu-tests/support/test-workshop.ts';
import { openPackages } from '../../debian/open-packages.ts';
import { snapshotDate } from '../../debian/snapshot-date.ts';
import { readLockfile } from '../../lock/lockfile-io.ts';
import { loadRecipe } from '../../recipe/load-recipe.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { removeTree } from '../../store/open-store.ts';
import type { ToolsetName } from '../../tools/tools-tree.ts';
import type { BuiltDisk, Contender, Surroundings } from './contender.ts';

/** A line of `keelson build --json`, as far as it is read. */
type BuildLine =
  | BuildReport
  | {
      readonly type: 'step-finished';
      readonly title: string;
      readonly isCached: boolean;
      readonly seconds: number;
    };

/**
 * A recipe of this repository, built by the real command. With a store of its own (which shares downloads with the computer's) it can
 * forget what was made of them; without, it builds as every command does.
 */
export async function makeKeelsonContender(
  { workshop, folder: benchFolder }: Surroundings,
  name: string,
  hasOwnStore: boolean,
): Promise<Contender> {
  const loaded = await loadRecipe({ name, repositoryFolder, workingFolder: repositoryFolder });
  const folder = join(benchFolder, name);
  const recipeFolder = join(folder, 'recipe');
  const storeFolder = join(folder, 'cache/keelson');
  const environment = {
    ...process.env,
    ...(hasOwnStore ? { XDG_CACHE_HOME: dirname(storeFolder) } : {}),
    // Development keys of the benchmark's own.
    XDG_CONFIG_HOME: join(benchFolder, 'config'),
  } as Record<string, string>;
  const changed = await changeableFile(loaded);
  const openOwnStore = async (): Promise<void> => {
    await mkdir(storeFolder, { recursive: true });
    await symlink(join(workshop.store.root, 'blobs'), join(storeFolder, 'blobs')).catch(ignoreExisting);
  };
  return {
    name,
    job: loaded.services.some((service) => service.name === 'docker') ? 'engine' : 'system',
    isKeelson: true,
    prepare: async () => {
      await rm(recipeFolder, { recursive: true, force: true });
      await cp(loaded.folder, recipeFolder, { recursive: true });
      await cp(changed.serviceFolder, changed.copyIn(recipeFolder), { recursive: true });
      const { packages, archives } = await readLockfile(loaded);
      const date = snapshotDate(Object.values(archives));
      await openPackages(workshop, Object.values(packages), { date, stage: 'packages' });
      for (const toolset of neededToolsets(loaded)) await workshop.openTools(toolset);
      if (hasOwnStore) await openOwnStore();
    },
    forget: async () => {
      if (!hasOwnStore) throw new Error("the computer's own store is not ours to empty");
      await removeTree(storeFolder);
      await openOwnStore();
    },
    changeOneFile: async (round) => {
      const text = await readFile(join(changed.serviceFolder, changed.file), 'utf8');
      await writeFile(join(changed.copyIn(recipeFolder), changed.file), `${text}\n# round ${round}\n`);
    },
    build: async (): Promise<BuiltDisk> => {
      const result = await workshop.host.run({
        file: join(repositoryFolder, 'keelson'),
        arguments: ['build', recipeFolder, '--out', join(folder, 'image'), '--json'],
        environment,
        workingFolder: repositoryFolder,
      });
      if (result.exitCode !== 0) throw new Error(`keelson build ${name}: ${result.stderr || result.stdout}`);
      return readBuild(result.stdout);
    },
  };
}

/** What a build opens; a kernel from source needs a compiler. */
function neededToolsets({ kernel }: Recipe): ToolsetName[] {
  const isCompiled = /^linux-source-/.test(kernel.package.name);
  return ['image', 'confine', 'update', ...(isCompiled ? (['kernel'] as const) : [])];
}

/** The first text file of the recipe's first service that has any. */
async function changeableFile(recipe: Recipe) {
  for (const { name } of recipe.services) {
    const serviceFolder = join(repositoryFolder, 'system-services', name);
    const files = await readdir(join(serviceFolder, 'files')).catch(() => []);
    const [file] = files.sort();
    if (file === undefined) continue;
    const copyIn = (recipeFolder: string): string => join(recipeFolder, 'system-services', name);
    return { serviceFolder, file: join('files', file), copyIn };
  }
  throw new Error(`no service of ${recipe.name} has a file of its own that could change`);
}

/** From the lines that the command printed. */
function readBuild(stdout: string): BuiltDisk {
  const lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as BuildLine);
  const report = lines.find((line): line is BuildReport => 'artefacts' in line);
  if (report === undefined) throw new Error('keelson build printed no report');
  const [longest] = lines
    .flatMap((line) => ('title' in line && !line.isCached ? [line] : []))
    .sort((left, right) => right.seconds - left.seconds);
  return {
    path: artefactOf(report, 'disk', 'raw').path,
    countPackages: () => countPackages(artefactOf(report, 'sbom').path),
    ...(longest === undefined ? {} : { longestStep: { title: longest.title, seconds: longest.seconds } }),
  };
}

/** Of the software bill of materials, whose other components are the system itself and OCI images. */
async function countPackages(billPath: string): Promise<number> {
  const bill = JSON.parse(await readFile(billPath, 'utf8')) as {
    readonly components: readonly { readonly type: string }[];
  };
  return bill.components.filter(({ type }) => type === 'library').length;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
