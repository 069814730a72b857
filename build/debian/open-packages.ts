import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { readAtOnce } from '../host/read-at-once.ts';
import type { Lockfile } from '../lock/lockfile.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { needsNothing } from '../rootfs/file-needs.ts';
import { storedBytes } from '../rootfs/stored-bytes.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import { fetchBlobs } from '../store/fetch-blobs.ts';
import type { Workshop } from '../tools/workshop.ts';
import { indexPackage, indexPackageModule } from './index-package.ts';
import { archiveUrls } from './mirrors.ts';
import type { LockedPackage, OpenedPackage } from './package.ts';
import { contentsDataFile, contentsFile, type MemberRow, type PackageContents } from './package-contents.ts';
import type { PackageSet } from './package-set.ts';
import { readDeb } from './read-deb.ts';
import { snapshotDate } from './snapshot-date.ts';

/** While one waits for the disk, another decompresses. */
const openAtOnce = 2;

/**
 * Fetches what the store does not have of the lockfile's packages, verifies and indexes them. After this no
 * package is read in any other way, and no network is needed.
 */
export async function openLockedPackages(
  workshop: Workshop,
  recipe: Recipe,
  lockfile: Lockfile,
): Promise<PackageSet> {
  const entries = Object.entries(lockfile.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  const archiveDates = Object.values(lockfile.archives);
  const opened = await openPackages(
    workshop,
    entries.map(([, locked]) => locked),
    { date: snapshotDate(archiveDates), stage: 'packages' },
  );
  const byKey = new Map(entries.map(([key], index) => [key, opened[index]]));
  return {
    archiveDate: new Date(Math.max(0, ...archiveDates.map((date) => Date.parse(date)))).toISOString(),
    group(name) {
      const packages = lockfile.groups[name]?.packages.map((key) => byKey.get(key));
      const isWhole = (found: typeof packages): found is OpenedPackage[] =>
        found?.includes(undefined) === false;
      if (!isWhole(packages)) throw groupMissing(name, recipe);
      return packages;
    },
  };
}

export interface OpenOptions {
  /** ISO 8601: where to look in the dated archive, should no mirror have a package. */
  readonly date: string;
  /** Whose progress the downloads are. */
  readonly stage: string;
}

/** Opens packages, in the order given. */
export async function openPackages(
  workshop: Workshop,
  packages: readonly LockedPackage[],
  { date, stage }: OpenOptions,
): Promise<OpenedPackage[]> {
  await fetchBlobs(
    workshop,
    packages.map((locked) => ({
      reference: locked,
      title: `package ${locked.name} ${locked.version}`,
      urls: archiveUrls(workshop.host, { archive: locked.archive, path: locked.path, date }),
    })),
    stage,
  );
  const opened = new Map<LockedPackage, OpenedPackage>();
  const waiting = [...packages];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      workshop.host.signal.throwIfAborted();
      opened.set(next, await openFetched(workshop, next));
    }
  };
  await Promise.all(Array.from({ length: openAtOnce }, worker));
  return packages.map((locked) => opened.get(locked) as OpenedPackage);
}

/** Opens one package; see openPackages. */
export async function openPackage(
  workshop: Workshop,
  locked: LockedPackage,
  options: OpenOptions,
): Promise<OpenedPackage> {
  const [opened] = await openPackages(workshop, [locked], options);
  return opened as OpenedPackage;
}

async function openFetched(workshop: Workshop, locked: LockedPackage): Promise<OpenedPackage> {
  const { folder } = await workshop.store.step(
    { title: `open ${locked.name}`, moduleUrl: indexPackageModule, inputs: { deb: locked.sha256 } },
    async (folder) => indexPackage(await readDeb(workshop.store.blobPath(locked.sha256)), folder),
  );
  const contents = JSON.parse(readAtOnce(join(folder, contentsFile)).toString('utf8')) as PackageContents;
  checkIdentity(locked, contents.control);
  const dataPath = join(folder, contentsDataFile);
  const origin = `package ${locked.name}`;
  return {
    locked,
    control: contents.control,
    file: storedBytes(workshop.store.blobPath(locked.sha256), 0, locked.sizeBytes, locked.sha256),
    entries: new Map(contents.members.map((row) => [row[1], nodeOf(row, dataPath, origin)])),
  };
}

function nodeOf(row: MemberRow, dataPath: string, origin: string): TreeNode {
  const [kind, , mode, uid, gid] = row;
  switch (kind) {
    case 'd':
      return { type: 'folder', mode, uid, gid, origin };
    case 'l':
      return { type: 'link', mode, uid, gid, origin, target: row[5] };
    case 'f':
      return {
        type: 'file',
        mode,
        uid,
        gid,
        origin,
        content: storedBytes(dataPath, row[5], row[6], row[7], row[8] ?? needsNothing),
      };
  }
}

/** The digest was right, so only a lockfile that was edited by hand can differ here. */
function checkIdentity(locked: LockedPackage, control: Readonly<Record<string, string>>): void {
  const { Package: name, Version: version, Architecture: architecture } = control;
  if (name === locked.name && version === locked.version && architecture === locked.architecture) return;
  throw new KeelsonError({
    code: 'PACKAGE_MISMATCH',
    class: 'input',
    message: `Cannot use package ${locked.name} ${locked.version} ${locked.architecture}: its file is ${name} ${version} ${architecture}`,
    hint: 'Lock the recipe again.',
  });
}

function groupMissing(name: string, recipe: Recipe): KeelsonError {
  return new KeelsonError({
    code: 'LOCKFILE_OUTDATED',
    class: 'input',
    message: `Cannot build ${recipe.name}: its lockfile has no packages for ${name}`,
    place: { file: join(recipe.folder, 'recipe.lock.json') },
    hint: `Run \`keelson lock ${recipe.argument}\`.`,
  });
}
