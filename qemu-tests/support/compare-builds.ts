import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Workshop } from '../../build/tools/workshop.ts';
import { readPartitions } from './partitions.ts';
import { artefactOf, type BuildReport } from './test-workshop.ts';

/**
 * What differs first between two builds, from the inside out: a file of the root, the unified kernel image, a partition,
 * an artefact; `undefined` when all bytes are the same. `scratchFolder` is used and removed.
 */
export async function compareBuilds(
  workshop: Workshop,
  left: BuildReport,
  right: BuildReport,
  scratchFolder: string,
): Promise<string | undefined> {
  const differing = left.artefacts
    .filter(({ part, format, sha256 }) => artefactOf(right, part, format).sha256 !== sha256)
    .map(({ part, format }) => ({ part, format }));
  if (differing.some(({ part }) => part === 'root')) {
    return compareRoots(
      workshop,
      artefactOf(left, 'root').path,
      artefactOf(right, 'root').path,
      scratchFolder,
    );
  }
  if (differing.some(({ part }) => part === 'uki'))
    return 'the unified kernel image differs, the root does not';
  if (differing.some(({ part, format }) => part === 'disk' && format === 'raw')) {
    return compareDisks(artefactOf(left, 'disk', 'raw').path, artefactOf(right, 'disk', 'raw').path);
  }
  const [first] = differing;
  return first && `artefact ${first.part} (${first.format}) differs`;
}

/** The first partition of two raw disks that differs, with the offset in it. */
export async function compareDisks(left: string, right: string): Promise<string | undefined> {
  const [ours, theirs] = [await readPartitions(left), await readPartitions(right)];
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) return 'the partition tables differ';
  for (const { label, offsetBytes, sizeBytes } of ours) {
    const at = await firstDifference(left, right, offsetBytes, sizeBytes);
    if (at !== undefined) return `partition ${label} differs from byte ${at} on`;
  }
  const at = await firstDifference(left, right, 0, Number.POSITIVE_INFINITY);
  return at === undefined ? undefined : `byte ${at} differs, outside of all partitions`;
}

const chunkBytes = 1024 * 1024;

/** Offset from `start` of the first byte that differs within `length` bytes of two files. */
async function firstDifference(
  left: string,
  right: string,
  start: number,
  length: number,
): Promise<number | undefined> {
  const [a, b] = [await open(left), await open(right)];
  try {
    const [ours, theirs] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)];
    for (let done = 0; done < length; done += chunkBytes) {
      const count = Math.min(chunkBytes, length - done);
      const { bytesRead } = await a.read(ours, 0, count, start + done);
      const other = await b.read(theirs, 0, count, start + done);
      const same = ours.subarray(0, bytesRead).equals(theirs.subarray(0, other.bytesRead));
      if (!same) return done + ours.findIndex((byte, index) => byte !== theirs[index]);
      if (bytesRead < count) return undefined;
    }
    return undefined;
  } finally {
    await a.close();
    await b.close();
  }
}

/** The first path of two erofs images whose content differs. */
async function compareRoots(
  workshop: Workshop,
  left: string,
  right: string,
  scratchFolder: string,
): Promise<string> {
  const [ours, theirs] = [
    await listRoot(workshop, left, join(scratchFolder, 'left')),
    await listRoot(workshop, right, join(scratchFolder, 'right')),
  ];
  await rm(scratchFolder, { recursive: true, force: true });
  const paths = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  const path = paths.find((candidate) => ours.get(candidate) !== theirs.get(candidate));
  return path === undefined
    ? 'the roots differ in how they are written, not in their files'
    : `file ${path} of the root differs: ${ours.get(path) ?? 'missing'}, ${theirs.get(path) ?? 'missing'}`;
}

async function listRoot(
  workshop: Workshop,
  imagePath: string,
  folder: string,
): Promise<ReadonlyMap<string, string>> {
  const tools = await workshop.openTools('image');
  const scratchFolder = dirname(folder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(scratchFolder, { recursive: true });
  await tools.run({
    file: '/usr/bin/fsck.erofs',
    arguments: [`--extract=${folder}`, '--no-preserve', imagePath],
    writable: [scratchFolder],
    readOnly: [dirname(imagePath)],
  });
  const listing = new Map<string, string>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length);
    if (entry.isSymbolicLink()) listing.set(name, `link to ${await readlink(path)}`);
    else if (entry.isFile()) {
      listing.set(
        name,
        `sha256 ${createHash('sha256')
          .update(await readFile(path))
          .digest('hex')}`,
      );
    } else listing.set(name, entry.isDirectory() ? 'folder' : 'device');
  }
  return listing;
}
