import { posix } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { ElfFile } from './elf.ts';
import { type FileNeeds, readFileNeeds } from './file-needs.ts';
import { libraryFolders } from './library-search.ts';
import type { PackageIndex } from './package-index.ts';
import { resolvePath } from './resolve-path.ts';
import type { TreeNode } from './tree.ts';
import type { TreeDraft } from './tree-draft.ts';

interface MissingLibrary {
  readonly path: string;
  readonly library: string;
}

/**
 * Completes a draft: shared libraries and dynamic loaders of ELF files, interpreters of scripts, targets of links, and
 * what those need in turn. Files that a program opens by itself (dlopen, NSS, PAM) are for the owner to name.
 */
export async function addNeeds(draft: TreeDraft, index: PackageIndex, faults: FaultList): Promise<void> {
  const lookUp = (path: string) => draft.get(path) ?? index.get(path)?.node;
  const privateFolders = new Set<string>();
  const seen = new Set<string>();
  let missing: readonly MissingLibrary[] = [];

  /** Takes a path with all links on the way; false when it leads nowhere. */
  const take = (path: string): boolean => {
    const resolved = resolvePath(path, lookUp);
    if (resolved.path === undefined) return false;
    for (const each of [...resolved.links, resolved.path]) {
      const node = lookUp(each) as TreeNode;
      if (draft.get(each) === undefined) faults.catch(() => draft.put(each, node, 'drawn'));
    }
    return true;
  };

  const takeLibrary = (library: string, folders: readonly string[]): boolean =>
    library.includes('/') ? take(library) : folders.some((folder) => take(posix.join(folder, library)));

  const visitElf = (path: string, elf: ElfFile): MissingLibrary[] => {
    const folders = libraryFolders(elf, posix.dirname(path));
    for (const folder of folders) privateFolders.add(folder);
    if (elf.interpreter !== undefined && !take(elf.interpreter)) {
      faults.add(interpreterNotFound(path, draft.get(path), elf.interpreter));
    }
    return elf.needed
      .filter((library) => !takeLibrary(library, folders))
      .map((library) => ({ path, library }));
  };

  const visitScript = (path: string, script: Extract<FileNeeds, { kind: 'script' }>) => {
    if (!take(script.interpreter)) {
      faults.add(interpreterNotFound(path, draft.get(path), script.interpreter));
    }
    const { program } = script;
    if (program === undefined) return;
    const folders = ['/usr/local/bin', '/usr/bin', '/usr/sbin'];
    const isFound = program.includes('/')
      ? take(program)
      : folders.some((folder) => take(`${folder}/${program}`));
    if (!isFound) faults.add(interpreterNotFound(path, draft.get(path), program));
  };

  const visit = async (path: string): Promise<MissingLibrary[]> => {
    const node = draft.get(path);
    if (node?.type === 'link') take(path);
    if (node?.type !== 'file') return [];
    const needs = await readFileNeeds(node.content);
    if (needs.kind === 'broken') {
      faults.add({
        code: 'ELF_INVALID',
        message: `Cannot read the ELF headers of ${path} (${node.origin}): ${needs.reason}`,
        hint: 'ask for another version of the package, or leave the file out',
      });
    }
    if (needs.kind === 'elf') return visitElf(path, needs.elf);
    // A script without the permission to run is read by another one.
    if (needs.kind === 'script' && (node.mode & 0o111) !== 0) visitScript(path, needs);
    return [];
  };

  for (let paths = draft.unseen(seen); paths.length > 0; paths = draft.unseen(seen)) {
    for (const path of paths) {
      seen.add(path);
      missing = [...missing, ...(await visit(path))];
    }
    // A plug-in relies on what its program has already loaded from a private folder.
    const all = [...privateFolders];
    missing = missing.filter(({ library }) => !takeLibrary(library, all));
  }
  for (const { path, library } of missing) faults.add(libraryNotFound(path, draft.get(path), library));
}

function libraryNotFound(path: string, node: TreeNode | undefined, library: string) {
  return {
    code: 'LIBRARY_NOT_FOUND',
    message: `Cannot run ${path} (${node?.origin}): no package has the library ${library} that it needs`,
    hint: `add the package that has ${library} to packages, and run \`keelson lock\``,
  };
}

function interpreterNotFound(path: string, node: TreeNode | undefined, interpreter: string) {
  return {
    code: 'INTERPRETER_NOT_FOUND',
    message: `Cannot run ${path} (${node?.origin}): there is no ${interpreter}, which it needs`,
    hint: `add ${interpreter} to files, with the package that has it, and run \`keelson lock\``,
  };
}
