import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { archiveUrls } from '../../debian/mirrors.ts';
import type { LockedPackage } from '../../debian/package.ts';
import { snapshotDate } from '../../debian/snapshot-date.ts';
import { openApt } from '../../lock/apt.ts';
import { aptFolders } from '../../lock/apt-configuration.ts';
import { layOutArchives } from '../../lock/lay-out-archives.ts';
import { fetchBlobs } from '../../store/fetch-blobs.ts';
import { removeTree, temporaryPath } from '../../store/open-store.ts';
import type { Workshop } from '../../tools/workshop.ts';
import { debianPackages, enginePackages, mkosiPackages, systemPackages } from './packages.ts';

/** A Debian archive of just the packages that the peers install, on this computer's disk. */
export interface LocalArchive {
  readonly folder: string;
  /** As sources.list(5) wants it. */
  readonly url: string;
  readonly suite: string;
  /** By suite of Debian that it was made of: the date of its InRelease, ISO 8601. */
  readonly dates: Readonly<Record<string, string>>;
}

/** `archive.json` beside the archive. */
interface ArchiveRecord {
  readonly groups: readonly (readonly string[])[];
  readonly dates: Readonly<Record<string, string>>;
}

const suites = ['trixie', 'trixie-updates', 'trixie-security'] as const;
const suite = 'trixie';

/** Each is solved by itself, as each peer's apt will. */
const groups = [
  debianPackages,
  [...debianPackages, ...systemPackages, ...enginePackages],
  ['?essential', 'base-files'],
  ['?essential', ...systemPackages, ...enginePackages, ...mkosiPackages],
];

/**
 * The archive in `folder`, made when it is not there (which needs a mirror) or when other packages are asked for now. It stays as it is
 * until the folder is removed, so runs of different days compare the same packages.
 */
export async function openLocalArchive(workshop: Workshop, folder: string): Promise<LocalArchive> {
  const recordPath = join(folder, 'archive.json');
  const kept = await readRecord(recordPath);
  const isCurrent = JSON.stringify(kept?.groups) === JSON.stringify(groups);
  const dates = kept !== undefined && isCurrent ? kept.dates : await makeArchive(workshop, folder);
  if (!isCurrent) await writeFile(recordPath, `${JSON.stringify({ groups, dates })}\n`);
  return { folder, url: `file://${folder}`, suite, dates };
}

async function readRecord(path: string): Promise<ArchiveRecord | undefined> {
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as ArchiveRecord,
    () => undefined,
  );
}

/** Returns the dates of the suites. */
async function makeArchive(workshop: Workshop, folder: string): Promise<LocalArchive['dates']> {
  const { dates, packages } = await solve(workshop);
  await fetch(workshop, packages, dates);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'pool'), { recursive: true });
  for (const { path, sha256 } of packages)
    await link(workshop.store.blobPath(sha256), join(folder, 'pool', basename(path)));
  await writeIndexes(workshop, folder);
  return dates;
}

async function solve(
  workshop: Workshop,
): Promise<{ dates: LocalArchive['dates']; packages: readonly LockedPackage[] }> {
  const folder = temporaryPath(workshop.store);
  await mkdir(folder, { recursive: true });
  try {
    const laidOut = await layOutArchives(workshop, aptFolders(folder).archives, 'amd64', suites);
    const apt = await openApt(workshop, folder, 'amd64', laidOut);
    const packages = new Map<string, LockedPackage>();
    for (const names of groups) {
      const group = { name: 'the peers', requests: names.map((name) => ({ name })) };
      for (const locked of await apt.solve(group, [])) packages.set(locked.sha256, locked);
    }
    const dates = Object.fromEntries(laidOut.map(({ name, date }) => [name, date]));
    return { dates, packages: [...packages.values()] };
  } finally {
    await removeTree(folder);
  }
}

async function fetch(
  workshop: Workshop,
  packages: readonly LockedPackage[],
  dates: LocalArchive['dates'],
): Promise<void> {
  const date = snapshotDate(Object.values(dates));
  const wanted = packages.map((locked) => ({
    reference: locked,
    title: `${locked.name} ${locked.version}`,
    urls: archiveUrls(workshop.host, { archive: locked.archive, path: locked.path, date }),
  }));
  await fetchBlobs(workshop, wanted, 'fetch packages of the peers');
}

/** `Packages` and an unsigned `Release`: the packages were verified when they were fetched. */
async function writeIndexes(workshop: Workshop, folder: string): Promise<void> {
  const tools = await workshop.openTools('peers');
  const dists = join(folder, 'dists', suite);
  const binary = join(dists, 'main/binary-amd64');
  await mkdir(binary, { recursive: true });
  const run = async (words: readonly string[]): Promise<string> => {
    const command = { file: '/usr/bin/apt-ftparchive', arguments: words, writable: [folder] };
    return (await tools.run({ ...command, workingFolder: folder })).stdout;
  };
  await writeFile(join(binary, 'Packages'), await run(['packages', 'pool']));
  const about = { Suite: suite, Codename: suite, Components: 'main', Architectures: 'amd64' };
  const options = Object.entries(about).flatMap(([name, value]) => [
    '-o',
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  await writeFile(join(dists, 'Release'), await run([...options, 'release', join('dists', suite)]));
}
