import { posix } from 'node:path';
import { readFileNeeds } from '../../rootfs/file-needs.ts';
import { libraryFolders } from '../../rootfs/library-search.ts';
import { resolvePath } from '../../rootfs/resolve-path.ts';
import type { Tree } from '../../rootfs/tree.ts';
import { type DynamicSymbols, readDynamicSymbols, readElfSections } from './elf-sections.ts';
import { type RootFile, rootFolderOf } from './measure-root.ts';

/** A library that some file names in DT_NEEDED, and what would be saved if none did. */
export interface LibraryCost {
  readonly path: string;
  readonly storedBytes: number;
  /** With the libraries that nobody would need without it. */
  readonly savedBytes: number;
  /** How many files would go. */
  readonly savedFiles: number;
  /** Sorted by path. */
  readonly neededBy: readonly {
    readonly path: string;
    /** What that file takes from it, sorted; empty when it only asks for the library. */
    readonly symbols: readonly string[];
  }[];
}

type Inode = number;

/** All libraries of a root, whichever service has them; what saves most comes first. */
export async function measureLibraries(
  tree: Tree,
  files: readonly RootFile[],
): Promise<readonly LibraryCost[]> {
  const byInode = new Map(files.map((file) => [file.inode, file]));
  const fileOf = (inode: Inode) => byInode.get(inode) as RootFile;
  const needs = await mapNeeds(tree, files);
  const users = new Map<Inode, Set<Inode>>();
  for (const [user, libraries] of needs)
    for (const library of libraries) users.set(library, (users.get(library) ?? new Set()).add(user));

  const starts = files.map(({ inode }) => inode).filter((inode) => !users.has(inode));
  const symbolsOf = rememberSymbols();
  const costs: LibraryCost[] = [];
  for (const [library, itsUsers] of users) {
    const kept = reach(starts, needs, library);
    const saved = files.filter(({ inode }) => !kept.has(inode));
    const { path, storedBytes } = fileOf(library);
    const { given } = await symbolsOf(fileOf(library));
    const neededBy: LibraryCost['neededBy'][number][] = [];
    for (const user of itsUsers) {
      const { taken } = await symbolsOf(fileOf(user));
      const symbols = [...taken].filter((name) => given.has(name)).sort();
      neededBy.push({ path: fileOf(user).path, symbols });
    }
    costs.push({
      path,
      storedBytes,
      savedBytes: saved.reduce((sum, each) => sum + each.storedBytes, 0),
      savedFiles: saved.length,
      neededBy: neededBy.sort((one, other) => (one.path < other.path ? -1 : 1)),
    });
  }
  return costs.sort((one, other) => other.savedBytes - one.savedBytes || (one.path < other.path ? -1 : 1));
}

/** Each file that needs libraries, and which they are. */
async function mapNeeds(
  tree: Tree,
  files: readonly RootFile[],
): Promise<ReadonlyMap<Inode, ReadonlySet<Inode>>> {
  const inodes = new Map(files.flatMap(({ paths, inode }) => paths.map((path) => [path, inode] as const)));
  const byName = Map.groupBy(inodes.keys(), (path) => `${rootFolderOf(path)} ${posix.basename(path)}`);
  const needs = new Map<Inode, Set<Inode>>();
  for (const file of files) {
    // A file that is broken was told of by the build, if that minds.
    const read = await readFileNeeds(file.content).catch(() => undefined);
    if (read?.kind !== 'elf') continue;
    const { interpreter, needed } = read.elf;
    const asked = interpreter === undefined ? needed : [...needed, interpreter];
    for (const path of file.paths) {
      const root = rootFolderOf(path);
      const lookUp = (each: string) => tree.get(`${root}${each}`);
      const folders = libraryFolders(read.elf, posix.dirname(path.slice(root.length)));
      for (const library of asked) {
        const candidates = library.includes('/')
          ? [library]
          : folders.map((folder) => posix.join(folder, library));
        const target = candidates
          .map((each) => resolvePath(each, lookUp).path)
          .find((each) => each !== undefined);
        // One that lies in a private folder of another file is found by its name.
        const resolved =
          target === undefined ? byName.get(`${root} ${posix.basename(library)}`)?.[0] : `${root}${target}`;
        const inode = resolved === undefined ? undefined : inodes.get(resolved);
        if (inode !== undefined && inode !== file.inode)
          needs.set(file.inode, (needs.get(file.inode) ?? new Set()).add(inode));
      }
    }
  }
  return needs;
}

/** What is needed, directly or not, when one file is not there. */
function reach(
  starts: readonly Inode[],
  needs: ReadonlyMap<Inode, ReadonlySet<Inode>>,
  without: Inode,
): ReadonlySet<Inode> {
  const reached = new Set(starts);
  // A set that grows while it is walked is walked to its end.
  for (const inode of reached) {
    for (const library of needs.get(inode) ?? []) if (library !== without) reached.add(library);
  }
  return reached;
}

/** Reads a file's symbols once. */
function rememberSymbols(): (file: RootFile) => Promise<DynamicSymbols> {
  const known = new Map<Inode, DynamicSymbols>();
  return async ({ inode, content }) => {
    const symbols = known.get(inode) ?? readSymbols(await content.read());
    known.set(inode, symbols);
    return symbols;
  };
}

function readSymbols(bytes: Buffer): DynamicSymbols {
  const none = { given: new Set<string>(), taken: new Set<string>() };
  try {
    const sections = readElfSections(bytes);
    return sections === undefined ? none : readDynamicSymbols(sections);
  } catch (error) {
    if (error instanceof RangeError) return none;
    throw error;
  }
}
