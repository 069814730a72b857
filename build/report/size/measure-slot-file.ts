import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import { readSlotTrailer } from '../../contract/slot-layout.ts';
import { KeelsonError } from '../../errors/keelson-error.ts';
import type { ByteSource, Tree, TreeNode } from '../../rootfs/tree.ts';
import type { ErofsEntry, ErofsVolume } from '../../seal/read-erofs.ts';
import type { Workshop } from '../../tools/workshop.ts';
import { bundleInconsistent } from '../../update/bundle-errors.ts';
import { unpackSlotImage } from '../../update/unpack-slot-image.ts';
import { showDisk } from '../show-disk.ts';
import { measureSlot, type ShownSizes } from './measure-slot.ts';
import { type PositionedReader, readVolume, withFile } from './read-volume.ts';

/** The first slot of a raw disk that is written; files by their folders, for a disk does not say which package they are of. */
export async function measureDisk(workshop: Workshop, path: string): Promise<ShownSizes> {
  const { slots, partitions } = await showDisk(workshop, path);
  const written = slots.find(({ state }) => state === 'written');
  const partition = partitions.find(({ label }) => label === `root-${written?.slot}`);
  if (partition === undefined) throw noSlot(path);
  return measureSlotFile(workshop, path, partition.offsetBytes);
}

/** What an update bundle brings; as with a disk. */
export async function measureBundle(workshop: Workshop, path: string): Promise<ShownSizes> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-size-'));
  try {
    return await measureSlotFile(workshop, await unpackSlotImage(workshop, path, folder), 0);
  } catch (error) {
    const { name, code, message } = error as Error & { readonly code?: string };
    if (name === 'SlotLayoutError') throw bundleInconsistent(path, `in its slot image, ${message}`);
    throw code === 'ENOENT' ? bundleInconsistent(path, 'it has no slot image') : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A slot image in a file, from an offset on. */
export async function measureSlotFile(
  workshop: Workshop,
  path: string,
  offsetBytes: number,
): Promise<ShownSizes> {
  const { trailer, volume, uki } = withFile(path, (read) => {
    const readSlot: PositionedReader = (offset, size) => read(offsetBytes + offset, size);
    const trailer = readSlotTrailer(readSlot);
    return {
      trailer,
      volume: readVolume(path, readSlot),
      uki: readSlot(trailer.uki.offsetBytes, trailer.uki.sizeBytes),
    };
  });
  const folder = await mkdtemp(join(tmpdir(), 'keelson-size-'));
  try {
    const content = join(folder, 'content');
    await mkdir(content);
    const tools = await workshop.openTools('image');
    const source = resolve(path);
    await tools.run({
      file: '/usr/bin/fsck.erofs',
      arguments: [`--extract=${content}`, `--offset=${offsetBytes}`, '--overwrite', '--no-preserve', source],
      readOnly: [dirname(source)],
      writable: [folder],
    });
    return await measureSlot({
      name: trailer.recipe,
      version: trailer.version,
      tree: await readTree(await realpath(content), volume),
      volume,
      sizeBytes: trailer.root.sizeBytes,
      hashOffsetBytes: trailer.hashOffsetBytes,
      uki,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The tree of a root that was unpacked into a folder. */
async function readTree(folder: string, volume: ErofsVolume): Promise<Tree> {
  const tree = new Map<string, TreeNode>();
  const contents = new Map<number, ByteSource>();
  for (const entry of volume.entries) {
    const { path, mode, uid, gid, type, target = '' } = entry;
    const common = { mode, uid, gid, origin: `folder ${shortened(posix.dirname(path))}` };
    if (type === 'folder') tree.set(path, { ...common, type });
    if (type === 'link') tree.set(path, { ...common, type, target });
    if (type !== 'file') continue;
    const content = contents.get(entry.inode) ?? (await unpackedBytes(folder, entry));
    contents.set(entry.inode, content);
    tree.set(path, { ...common, type, content });
  }
  return tree;
}

/** Inside of a service's root, as the service sees it; no deeper than three folders. */
function shortened(folder: string): string {
  const inRoot = folder.replace(/^.*\/rootfs(?=\/|$)/, '');
  return inRoot.split('/').slice(0, 4).join('/') || '/';
}

async function unpackedBytes(folder: string, { path, sizeBytes }: ErofsEntry): Promise<ByteSource> {
  const file = join(folder, path);
  // A file system that is anybody's might lead us out of the folder by a link.
  if ((await realpath(file)) !== file) throw new Error(`${path} leads out of its file system`);
  const read = () => readFile(file);
  return {
    sha256: createHash('sha256')
      .update(await read())
      .digest('hex'),
    sizeBytes,
    read,
  };
}

function noSlot(path: string): KeelsonError {
  return new KeelsonError({
    code: 'SLOT_MISSING',
    class: 'input',
    message: `Cannot say what takes how much of ${path}: none of its slots is written`,
    place: { file: path },
    hint: 'Give a disk that `keelson build` wrote; `keelson show` without --size says more of this one.',
  });
}
