import type { Tree } from '../../rootfs/tree.ts';
import type { ErofsVolume } from '../../seal/read-erofs.ts';
import { type LibraryCost, measureLibraries } from './find-libraries.ts';
import {
  type Documentation,
  type Duplicate,
  findDocumentation,
  findDuplicates,
  findSymbolTables,
  type SymbolTable,
} from './find-savings.ts';
import { initramfsOf, measureKernelImage } from './measure-kernel-image.ts';
import { listRootFiles, measureRoot, type RootFile, type RootSizes } from './measure-root.ts';
import { readInitramfs } from './read-initramfs.ts';
import { joinParts, type SizePart } from './size-part.ts';

/** All that a slot holds, opened. */
export interface OpenedSlot extends RootSizes {
  /** Of the recipe. */
  readonly name: string;
  readonly version: string;
  /** What lies in the root, with `origin` as the name of a group of files. */
  readonly tree: Tree;
  readonly volume: ErofsVolume;
  readonly uki: Buffer;
}

/** Where each byte of a slot is, and what of it might go. All lists begin with the largest. */
export interface ShownSizes {
  readonly subject: 'sizes';
  readonly name: string;
  readonly version: string;
  /** Unified kernel image and root: their bytes, all of them. */
  readonly whole: SizePart;
  /** Files of the root by package, whoever has them. */
  readonly packages: readonly PackageSize[];
  readonly largestFiles: readonly LargeFile[];
  readonly duplicates: readonly Duplicate[];
  readonly symbolTables: readonly SymbolTable[];
  readonly documentation: readonly Documentation[];
  readonly libraries: readonly LibraryCost[];
}

export interface PackageSize {
  readonly name: string;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly fileCount: number;
}

export interface LargeFile {
  readonly path: string;
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly sharedBy?: readonly string[];
}

const listedFiles = 10;

export async function measureSlot(slot: OpenedSlot): Promise<ShownSizes> {
  const { name, version, tree, volume, uki } = slot;
  const initramfs = readInitramfs(initramfsOf(uki));
  const files = listRootFiles(tree, volume);
  return {
    subject: 'sizes',
    name,
    version,
    whole: joinParts(`${name} ${version}`, [
      measureKernelImage(uki, initramfs),
      measureRoot(files, volume, slot),
    ]),
    packages: sumPackages(files),
    largestFiles: [...files]
      .sort((one, other) => other.storedBytes - one.storedBytes)
      .slice(0, listedFiles)
      .map(({ path, storedBytes, unpackedBytes, sharedBy }) => ({
        path,
        storedBytes,
        unpackedBytes,
        ...(sharedBy === undefined ? {} : { sharedBy }),
      })),
    duplicates: findDuplicates(files, initramfs),
    symbolTables: await findSymbolTables(files),
    documentation: findDocumentation(files),
    libraries: await measureLibraries(tree, files),
  };
}

const packagePrefix = 'package ';

function sumPackages(files: readonly RootFile[]): readonly PackageSize[] {
  const packaged = files.filter(({ origin }) => origin.startsWith(packagePrefix));
  return [...Map.groupBy(packaged, ({ origin }) => origin.slice(packagePrefix.length))]
    .map(([name, members]) => ({
      name,
      storedBytes: members.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      unpackedBytes: members.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
      fileCount: members.length,
    }))
    .sort((one, other) => other.storedBytes - one.storedBytes);
}
