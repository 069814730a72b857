import { mkdir } from 'node:fs/promises';
import type { DebianArchitecture, LockedPackage } from '../debian/package.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { PackageRequest } from '../services/service-definition.ts';
import { removeTree, temporaryPath } from '../store/open-store.ts';
import type { Workshop } from '../tools/workshop.ts';
import { openApt } from './apt.ts';
import { aptFolders } from './apt-configuration.ts';
import { checkRequests } from './check-requests.ts';
import { eachGroup } from './each-group.ts';
import { inStage } from './in-stage.ts';
import { layOutArchives } from './lay-out-archives.ts';
import type { DeclaredRequest } from './request-place.ts';
import { checkSuite } from './suite.ts';

/** Packages to be solved together. */
export interface SolveGroup {
  readonly name: string;
  readonly requests: readonly DeclaredRequest[];
  /** Where they are asked for, for messages. */
  readonly place?: Place;
}

export interface SolveRequest {
  readonly architecture: DebianArchitecture;
  /** In order of preference, such as `trixie`, `trixie-security`. */
  readonly suites: readonly string[];
}

export interface Solution {
  /** By suite: the date of its InRelease, ISO 8601. */
  readonly archives: Readonly<Record<string, string>>;
  /** By group: everything to be unpacked, dependencies included, sorted by name. */
  readonly solved: ReadonlyMap<string, readonly LockedPackage[]>;
}

/**
 * Solves each group by itself, with apt, against the suites' indexes as they are now. Nothing of an index has an
 * effect before apt has verified its signature.
 *
 * Errors: ARCHIVE_SIGNATURE_INVALID, ARCHIVE_EXPIRED, ARCHIVE_NOT_YET_VALID, ARCHIVE_DAMAGED, SUITE_INVALID, SUITE_UNSUITABLE,
 * PACKAGE_UNKNOWN (all of them together), PACKAGES_UNSOLVABLE.
 */
export async function solveGroups(
  workshop: Workshop,
  request: SolveRequest & { readonly groups: readonly SolveGroup[] },
): Promise<Solution> {
  const { architecture, groups } = request;
  const extraSuites = extraSuitesOf(request.suites, groups);
  const suites = [...new Set(request.suites), ...extraSuites];
  for (const suite of suites) checkSuite(suite);
  // Not the computer's own temporary folder, which may be small memory.
  const folder = temporaryPath(workshop.store);
  await mkdir(folder, { recursive: true });
  try {
    const { laidOut, apt } = await inStage(workshop, 'indexes', async () => {
      const laidOut = await layOutArchives(workshop, aptFolders(folder).archives, architecture, suites);
      return { laidOut, apt: await openApt(workshop, folder, architecture, laidOut) };
    });
    await checkRequests(groups, request.suites, apt.indexes);
    const solved = new Map<string, readonly LockedPackage[]>();
    await inStage(workshop, 'solve', () =>
      eachGroup(groups, async (group) => {
        solved.set(group.name, await apt.solve(group, extraSuites));
      }),
    );
    const dates = laidOut.map(({ name, date }) => [name, date] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    return { archives: Object.fromEntries(dates), solved };
  } finally {
    await removeTree(folder);
  }
}

/** Solves one group; see solveGroups. */
export async function solvePackages(
  workshop: Workshop,
  request: SolveRequest & { readonly requests: readonly PackageRequest[] },
): Promise<LockedPackage[]> {
  const { requests } = request;
  const { solved } = await solveGroups(workshop, { ...request, groups: [{ name: 'the request', requests }] });
  return [...(solved.get('the request') ?? [])];
}

/** Suites that only single packages ask for. */
function extraSuitesOf(suites: readonly string[], groups: readonly SolveGroup[]): string[] {
  const asked = groups.flatMap(({ requests }) => requests.flatMap(({ suite }) => suite ?? []));
  return [...new Set(asked)].filter((suite) => !suites.includes(suite)).sort();
}
