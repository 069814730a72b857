import { openPackages } from '../debian/open-packages.ts';
import type { LockedPackage } from '../debian/package.ts';
import { snapshotDate } from '../debian/snapshot-date.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { checkFreshness } from './check-freshness.ts';
import { eachGroup } from './each-group.ts';
import { debianArchitectures, lockGroups, requestDigest } from './lock-groups.ts';
import { type LockedGroup, type Lockfile, lockfileFormat } from './lockfile.ts';
import { readLockfileIfPresent } from './lockfile-io.ts';
import { packageKey } from './package-key.ts';
import { mayBeSelected, requestedNames, selectPackages } from './select-packages.ts';
import { solveGroups } from './solve.ts';

/**
 * Resolves all that a recipe needs to exact packages. Each group is solved by itself; its whole closure is fetched
 * once to see which packages give files to the slices, and only those are locked.
 */
export async function lockRecipe(workshop: Workshop, recipe: Recipe): Promise<Lockfile> {
  const groups = lockGroups(recipe);
  const { archives, solved } = await solveGroups(workshop, {
    architecture: debianArchitectures[recipe.architecture],
    suites: recipe.suites,
    groups,
  });
  checkFreshness(await readLockfileIfPresent(recipe), archives);
  const date = snapshotDate(Object.values(archives));
  const wanted = groups.flatMap((group) =>
    closure(solved, group.name).filter((locked) => mayBeSelected(group, locked)),
  );
  await openPackages(workshop, uniquePackages(wanted), date);

  const lockedGroups: Record<string, LockedGroup> = {};
  const packages: Record<string, LockedPackage> = {};
  await eachGroup(groups, async (group) => {
    const candidates = closure(solved, group.name).filter((locked) => mayBeSelected(group, locked));
    const selected = await selectPackages(group, await openPackages(workshop, candidates, date));
    lockedGroups[group.name] = {
      requested: requestedNames(group),
      packages: selected.map(packageKey).sort(),
    };
    for (const locked of selected) packages[packageKey(locked)] = locked;
  });
  return {
    format: lockfileFormat,
    recipe: recipe.name,
    requestDigest: requestDigest(recipe),
    archives,
    groups: lockedGroups,
    packages,
  };
}

function closure(
  solved: ReadonlyMap<string, readonly LockedPackage[]>,
  group: string,
): readonly LockedPackage[] {
  return solved.get(group) ?? [];
}

function uniquePackages(packages: readonly LockedPackage[]): LockedPackage[] {
  return [...new Map(packages.map((locked) => [locked.sha256, locked])).values()];
}
