import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebianArchitecture, LockedPackage } from '../debian/package.ts';
import { type PackagesIndex, readPackagesIndex } from '../debian/packages-index.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import {
  type AptFolders,
  type AptSuite,
  aptConfiguration,
  aptFolders,
  aptPreferences,
  aptSources,
} from './apt-configuration.ts';
import { indexFault, solveFault } from './apt-faults.ts';
import { requestName } from './lock-groups.ts';
import { type ChosenPackage, parsePrintedUris } from './print-uris.ts';
import type { SolveGroup } from './solve.ts';
import { archiveOfSuite } from './suite.ts';

/** apt over a local copy of some suites, after it has verified their signatures, dates and digests. */
export interface Apt {
  /** By suite, in order of preference. */
  readonly indexes: ReadonlyMap<string, PackagesIndex>;
  /** `extraSuites` are offered to groups that ask for one of them, and hidden from the others. */
  solve(group: SolveGroup, extraSuites: readonly string[]): Promise<LockedPackage[]>;
}

/** See apt_preferences(5) and aptPreferences: hidden; on demand; preferred, where on demand gives no solution. */
const hiddenPriority = -1;
const offeredPriorities = [100, 990];

/** Has apt verify and read the indexes below `folder`. */
export async function openApt(
  workshop: Workshop,
  folder: string,
  architecture: DebianArchitecture,
  suites: readonly AptSuite[],
): Promise<Apt> {
  const folders = aptFolders(folder);
  await writeConfiguration(folders, architecture, suites);
  const tools = await workshop.openTools('solver');
  await runApt(tools, folders, ['update', '--quiet'], indexFault);
  const indexes = await readIndexes(folders, architecture, suites);
  return {
    indexes,
    async solve(group, extraSuites) {
      if (group.requests.length === 0) return [];
      const isAsking = group.requests.some(({ suite }) => suite !== undefined && extraSuites.includes(suite));
      const extra = suites.filter(({ name }) => extraSuites.includes(name));
      const chosen = await solveWith(
        tools,
        folders,
        group,
        extra,
        isAsking ? offeredPriorities : [hiddenPriority],
      );
      return chosen.map((one) => asLocked(one, indexes)).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

async function writeConfiguration(
  folders: AptFolders,
  architecture: DebianArchitecture,
  suites: readonly AptSuite[],
): Promise<void> {
  for (const path of [
    join(folders.configuration, 'apt.conf.d'),
    join(folders.lists, 'partial'),
    join(folders.cache, 'archives/partial'),
  ]) {
    await mkdir(path, { recursive: true });
  }
  await writeFile(folders.configurationFile, aptConfiguration(folders, architecture));
  await writeFile(folders.sources, aptSources(folders, architecture, suites));
  await writeFile(folders.preferences, '');
  // Nothing is installed, so everything that is needed is chosen.
  await writeFile(folders.status, '');
}

/** The first of the priorities that gives a solution. */
async function solveWith(
  tools: ToolsTree,
  folders: AptFolders,
  group: SolveGroup,
  extra: readonly AptSuite[],
  priorities: readonly number[],
): Promise<ChosenPackage[]> {
  const [priority, ...others] = priorities;
  await writeFile(folders.preferences, aptPreferences(extra, priority ?? hiddenPriority));
  try {
    const output = await runApt(
      tools,
      folders,
      ['install', '--quiet', '--yes', '--print-uris', '--', ...group.requests.map(requestName)],
      (lines, cause) => solveFault(group.name, group.place, lines, cause),
    );
    return parsePrintedUris(output, folders.archives);
  } catch (error) {
    if (others.length === 0) throw error;
    return solveWith(tools, folders, group, extra, others);
  }
}

async function runApt(
  tools: ToolsTree,
  folders: AptFolders,
  args: readonly string[],
  asFault: (lines: readonly string[], cause: unknown) => Error,
): Promise<string> {
  const lines: string[] = [];
  try {
    const { stdout } = await tools.run(
      {
        file: '/usr/bin/apt-get',
        arguments: args,
        writable: [folders.root],
        environment: { APT_CONFIG: folders.configurationFile },
      },
      { onLine: (line) => lines.push(line) },
    );
    return stdout;
  } catch (error) {
    if ((error as { code?: string }).code !== 'TOOL_FAILED') throw error;
    throw asFault(lines, error);
  }
}

/** Read from apt's own folder of verified lists, not from what was fetched. */
async function readIndexes(
  folders: AptFolders,
  architecture: DebianArchitecture,
  suites: readonly AptSuite[],
): Promise<ReadonlyMap<string, PackagesIndex>> {
  const files = await readdir(folders.lists);
  const indexes = new Map<string, PackagesIndex>();
  for (const { name } of suites) {
    const file = files.find((one) => one.endsWith(`_dists_${name}_main_binary-${architecture}_Packages`));
    if (file === undefined) throw new Error(`apt has made no list for suite ${name}`);
    indexes.set(name, readPackagesIndex(await readFile(join(folders.lists, file))));
  }
  return indexes;
}

function asLocked(chosen: ChosenPackage, indexes: ReadonlyMap<string, PackagesIndex>): LockedPackage {
  for (const [suite, index] of indexes) {
    if (archiveOfSuite(suite) !== chosen.archive) continue;
    const entry = index.findPath(chosen.name, chosen.path);
    if (entry === undefined) continue;
    const { name, version, architecture, path, sizeBytes, sha256 } = entry;
    return {
      name,
      version,
      architecture: architecture as LockedPackage['architecture'],
      archive: chosen.archive,
      suite,
      path,
      sizeBytes,
      sha256,
    };
  }
  throw new Error(`apt chose ${chosen.path}, which no list has`);
}
