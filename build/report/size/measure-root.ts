import { posix } from 'node:path';
import { machineLayout } from '../../contract/machine-layout.ts';
import type { ByteSource, Tree } from '../../rootfs/tree.ts';
import type { ErofsVolume } from '../../seal/read-erofs.ts';
import {
  filePart,
  groupParts,
  joinParts,
  joinWhole,
  plainPart,
  type SizedFile,
  type SizePart,
} from './size-part.ts';

/** Files of several paths that are stored once count as one. */
export interface RootFile extends SizedFile {
  /** Sorted. */
  readonly paths: readonly string[];
  /** Who put it there: `package rauc`, `service update`. */
  readonly origin: string;
  readonly content: ByteSource;
  readonly inode: number;
}

export interface RootSizes {
  /** Erofs, dm-verity superblock and hash tree. */
  readonly sizeBytes: number;
  readonly hashOffsetBytes: number;
}

/** The files of a root: where each lies from its tree, what each takes from the file system that was made of it. */
export function listRootFiles(tree: Tree, volume: ErofsVolume): readonly RootFile[] {
  const files = volume.entries.filter(({ type }) => type === 'file');
  const wanted = [...tree.values()].filter(({ type }) => type === 'file').length;
  if (files.length !== wanted) throw new Error(`the root has ${files.length} files, and its tree ${wanted}`);
  return [...Map.groupBy(files, ({ inode }) => inode)].map(([inode, entries]) => {
    const paths = entries.map(({ path }) => path);
    const [{ path, storedBytes, sizeBytes: unpackedBytes }] = entries as [(typeof entries)[number]];
    const node = tree.get(path);
    if (node?.type !== 'file') throw new Error(`the root has a file ${path} that nobody put there`);
    const owners = [...new Set(paths.map(ownerOf))].sort();
    return {
      path,
      paths,
      inode,
      storedBytes,
      unpackedBytes,
      origin: node.origin,
      content: node.content,
      ...(owners.length > 1 ? { sharedBy: owners } : {}),
    };
  });
}

/** A sealed root by owner, then by package or folder, then by file; and what is no file's. */
export function measureRoot(
  files: readonly RootFile[],
  volume: ErofsVolume,
  { sizeBytes, hashOffsetBytes }: RootSizes,
): SizePart {
  const owned = groupParts(files, partOfFile, (owner, members) =>
    joinParts(
      owner,
      groupParts(members, groupOf, (group, inGroup) =>
        joinParts(
          group,
          inGroup.map((file) => filePart(pathInOwner(file.path), file)),
        ),
      ),
    ),
  );
  const packed =
    volume.packedBytes === 0 ? [] : [plainPart('ends of files, packed together', volume.packedBytes)];
  const hashTree = plainPart('hash tree', sizeBytes - hashOffsetBytes);
  return joinWhole(
    'root',
    sizeBytes,
    [...owned, ...packed, hashTree],
    'file system: inodes, names, links, indexes',
  );
}

const servicesPrefix = `${machineLayout.services}/`;

/** `service sshd`; what is no service's by where it lies. */
export function ownerOf(path: string): string {
  if (path.startsWith(servicesPrefix)) return `service ${path.slice(servicesPrefix.length).split('/')[0]}`;
  if (path.startsWith('/usr/lib/modules/')) return 'kernel modules';
  if (path.startsWith('/usr/lib/firmware/')) return 'firmware';
  return 'base';
}

/** The root directory that programs of this file's owner see: empty for the machine's own. */
export function rootFolderOf(path: string): string {
  if (!path.startsWith(servicesPrefix)) return '';
  return `${servicesPrefix}${path.slice(servicesPrefix.length).split('/')[0]}/rootfs`;
}

function partOfFile({ path, sharedBy }: RootFile): string {
  return sharedBy === undefined ? ownerOf(path) : 'shared';
}

/** As programs of its owner see it. */
export function pathInOwner(path: string): string {
  const folder = rootFolderOf(path);
  return path.startsWith(`${folder}/`) ? path.slice(folder.length) : path;
}

/** Modules are all of one package: their folder says more. */
function groupOf({ path, origin }: RootFile): string {
  const folder = /^\/usr\/lib\/modules\/[^/]+\/(?:kernel\/)?(.*)$/.exec(path)?.[1];
  if (folder === undefined) return origin;
  return posix.dirname(folder) === '.' ? 'index' : folder.split('/').slice(0, -1).slice(0, 2).join('/');
}
