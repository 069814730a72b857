import { link, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { archiveUrls } from '../debian/mirrors.ts';
import type { DebianArchitecture } from '../debian/package.ts';
import { snapshotDate } from '../debian/snapshot-date.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { fetchBlobs, type WantedBlob } from '../store/fetch-blobs.ts';
import { fetchIndex } from '../store/fetch-index.ts';
import type { Workshop } from '../tools/workshop.ts';
import { lockStages } from './in-stage.ts';
import { parseReleaseFile, type ReleaseFile } from './release-file.ts';
import { archiveOfSuite } from './suite.ts';

/** A suite whose index lies in the local copy; its signature is not verified yet. */
export interface LaidOutSuite {
  readonly name: string;
  readonly codename: string;
  /** ISO 8601. */
  readonly date: string;
}

/** Ten times Debian's largest. */
const largestIndexBytes = 128 * 1024 ** 2;

/**
 * Makes a local copy of the suites' indexes below `folder`, as an archive lays them out, for apt to verify and
 * read: `debian/dists/<suite>/InRelease` and `…/main/binary-<architecture>/Packages.xz`.
 */
export async function layOutArchives(
  workshop: Workshop,
  folder: string,
  architecture: DebianArchitecture,
  suites: readonly string[],
): Promise<LaidOutSuite[]> {
  const now = new Date(workshop.host.now()).toISOString();
  const fetched = await Promise.all(
    suites.map(async (suite) => {
      const archive = archiveOfSuite(suite);
      const path = `dists/${suite}/InRelease`;
      const text = await fetchIndex(workshop, archiveUrls(workshop.host, { archive, path, date: now }));
      return { suite, archive, text, release: parseReleaseFile(suite, text) };
    }),
  );
  const indexes = fetched.map(({ suite, release }) => wantedIndex(workshop, suite, architecture, release));
  await fetchBlobs(workshop, indexes, lockStages.indexes);

  return Promise.all(
    fetched.map(async ({ suite, archive, text, release }, position) => {
      const dists = join(folder, archive, 'dists', suite);
      const packages = join(dists, packagesPath(architecture));
      await mkdir(dirname(packages), { recursive: true });
      await writeFile(join(dists, 'InRelease'), text);
      await link(workshop.store.blobPath((indexes[position] as WantedBlob).reference.sha256), packages);
      return { name: suite, codename: release.codename, date: release.date };
    }),
  );
}

function packagesPath(architecture: DebianArchitecture): string {
  return `main/binary-${architecture}/Packages.xz`;
}

function wantedIndex(
  workshop: Workshop,
  suite: string,
  architecture: DebianArchitecture,
  release: ReleaseFile,
): WantedBlob {
  const archive = archiveOfSuite(suite);
  const name = packagesPath(architecture);
  const reference = release.files.get(name);
  if (reference === undefined || reference.sizeBytes > largestIndexBytes) {
    throw new KeelsonError({
      code: 'SUITE_UNSUITABLE',
      class: 'unsupported',
      message: `Cannot use suite ${suite}: it has no package list for ${architecture} that can be read`,
      hint: 'Use a suite of a Debian release that has this architecture.',
    });
  }
  // By hash first: the plain name may already be a newer file than the one that this InRelease names.
  const byHash = `dists/${suite}/${dirname(name)}/by-hash/SHA256/${reference.sha256}`;
  const paths = [...(release.hasAcquireByHash ? [byHash] : []), `dists/${suite}/${name}`];
  const date = snapshotDate([release.date]);
  return {
    reference,
    title: `package list of ${suite} for ${architecture}`,
    urls: paths.flatMap((path) => archiveUrls(workshop.host, { archive, path, date })),
  };
}
