import { openPackages } from '../debian/open-packages.ts';
import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import { snapshotDate } from '../debian/snapshot-date.ts';
import { containerImages } from '../oci-images/container-images.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';
import { lockImage } from '../oci-images/lock-image.ts';
import type { LockedImage } from '../oci-images/locked-image.ts';
import { openImage } from '../oci-images/open-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { completeService } from '../services/complete-service.ts';
import type { Sha256 } from '../store/store.ts';
import type { Workshop } from '../tools/workshop.ts';
import { checkFreshness } from './check-freshness.ts';
import { eachGroup } from './each-group.ts';
import { inStage, lockStages } from './in-stage.ts';
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
  const images = await lockImages(workshop, recipe);
  const groups = lockGroups(recipe);
  const { archives, solved } = await solveGroups(workshop, {
    architecture: debianArchitectures[recipe.architecture],
    suites: recipe.suites,
    groups,
  });
  checkFreshness(await readLockfileIfPresent(recipe), archives);
  const candidates = new Map(
    groups.map((group) => [
      group,
      (solved.get(group.name) ?? []).filter((locked) => mayBeSelected(group, locked)),
    ]),
  );
  const opened = await openAll(workshop, [...candidates.values()].flat(), archives);

  const lockedGroups: Record<string, LockedGroup> = {};
  const packages: Record<string, LockedPackage> = {};
  await inStage(workshop, 'select', () =>
    eachGroup([...candidates], async ([group, closure]) => {
      const selected = await selectPackages(
        group,
        closure.map(({ sha256 }) => opened.get(sha256) as OpenedPackage),
      );
      for (const locked of selected) packages[packageKey(locked)] = locked;
      lockedGroups[group.name] = {
        requested: requestedNames(group),
        packages: selected.map(packageKey).sort(),
      };
    }),
  );
  return {
    format: lockfileFormat,
    recipe: recipe.name,
    requestDigest: requestDigest(recipe),
    archives,
    groups: lockedGroups,
    ...(Object.keys(images).length === 0 ? {} : { images }),
    packages,
  };
}

/**
 * Those of services are opened too: what is wrong with one is told before anybody reviews the lockfile. Those of containers are
 * an engine's to open.
 */
async function lockImages(workshop: Workshop, recipe: Recipe): Promise<Record<string, LockedImage>> {
  const images: Record<string, LockedImage> = {};
  const lock = async (key: string, request: ImageRequest): Promise<LockedImage> => {
    const locked = await lockImage(workshop, request, recipe.architecture);
    images[key] = locked;
    return locked;
  };
  const ofServices = recipe.services.flatMap((service) => {
    const { name, image } = service;
    if (image === undefined) return [];
    return async () => {
      const opened = await openImage(workshop, image.request, await lock(name, image.request));
      await completeService(service, image, opened);
    };
  });
  const ofContainers = containerImages(recipe).map(({ key, request }) => async () => {
    await lock(key, request);
  });
  const work = [...ofServices, ...ofContainers];
  if (work.length === 0) return images;
  await inStage(workshop, 'images', () => eachGroup(work, (each) => each()));
  return images;
}

/** Each package once, though several groups need it. */
async function openAll(
  workshop: Workshop,
  packages: readonly LockedPackage[],
  archives: Lockfile['archives'],
): Promise<ReadonlyMap<Sha256, OpenedPackage>> {
  const unique = [...new Map(packages.map((locked) => [locked.sha256, locked])).values()];
  const options = { date: snapshotDate(Object.values(archives)), stage: lockStages.packages };
  const opened = await inStage(workshop, 'packages', () => openPackages(workshop, unique, options));
  return new Map(opened.map((one) => [one.locked.sha256, one]));
}
