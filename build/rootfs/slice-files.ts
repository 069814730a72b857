import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import { FaultList } from '../errors/fault-list.ts';
import type { RecipeTemplateContext } from '../recipe/render-template.ts';
import type { FileRequest } from '../services/service-definition.ts';
import { addNeeds } from './add-needs.ts';
import { mergedUsrNodes, toMergedUsr } from './merged-usr.ts';
import { nearPaths } from './near-paths.ts';
import { ownNode } from './own-node.ts';
import { PackageIndex } from './package-index.ts';
import { isPattern, patternExpression } from './path-pattern.ts';
import type { ByteSource, Tree } from './tree.ts';
import { TreeDraft } from './tree-draft.ts';

/** One owner's files: a service's, a layer's or the recipe's. */
export interface SlicePart {
  /** Shown in messages and as the origin of its own files: `service sshd`, `layer base`, `recipe minimal`. */
  readonly owner: string;
  readonly files: readonly FileRequest[];
  /** What templates may name. */
  readonly context: RecipeTemplateContext;
}

export interface SliceRequest {
  readonly parts: readonly SlicePart[];
  /** All packages of the lock group. */
  readonly packages: readonly OpenedPackage[];
  /** The device program of that name as one JavaScript file. */
  readonly bundleProgram: (name: string) => Promise<ByteSource>;
}

export interface SlicedFiles {
  readonly tree: Tree;
  /** Packages that gave at least one file or link, sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/**
 * The files that are asked for and what those need, and nothing else. All faults are thrown together: FILE_NOT_IN_PACKAGE,
 * LIBRARY_NOT_FOUND, INTERPRETER_NOT_FOUND, ELF_INVALID, PATH_CONFLICT, SOURCE_MISSING.
 */
export async function sliceFiles(request: SliceRequest): Promise<SlicedFiles> {
  const faults = new FaultList();
  const index = new PackageIndex(request.packages);
  const draft = new TreeDraft((path) => index.get(path)?.node);
  for (const [path, node] of mergedUsrNodes()) draft.put(path, node, 'implied');

  for (const part of request.parts) {
    for (const file of part.files) {
      if (file.kind === 'package') {
        takeFromPackages(draft, index, faults, part, file);
        continue;
      }
      const [own] = await Promise.allSettled([ownNode(part, file, request.bundleProgram)]);
      faults.catch(() => {
        if (own.status === 'rejected') throw own.reason;
        const [path, node] = own.value;
        draft.put(path, node, 'asked', file.place);
      });
    }
  }
  await addNeeds(draft, index, faults);
  faults.throwIfAny();

  const tree = draft.finish();
  return { tree, packages: packagesThatGave(tree, index) };
}

function takeFromPackages(
  draft: TreeDraft,
  index: PackageIndex,
  faults: FaultList,
  part: SlicePart,
  file: Extract<FileRequest, { kind: 'package' }>,
): void {
  const wanted = toMergedUsr(file.path);
  const claim = isPattern(wanted) ? 'drawn' : 'asked';
  const expression = patternExpression(wanted);
  const matches = isPattern(wanted) ? index.paths.filter((path) => expression.test(path)) : [wanted];
  if (!matches.some((path) => index.has(path))) faults.add(fileNotInPackage(index, part, file));
  for (const path of matches) {
    faults.catch(() => {
      const node = index.get(path)?.node;
      if (node === undefined) return;
      draft.put(path, node, node.type === 'folder' ? 'implied' : claim, file.place);
    });
  }
}

function fileNotInPackage(index: PackageIndex, part: SlicePart, file: FileRequest) {
  const near = nearPaths(file.path, index.paths);
  const looked = index.packageNames.length === 0 ? 'it names no packages' : index.packageNames.join(', ');
  return {
    code: 'FILE_NOT_IN_PACKAGE',
    message: `Cannot take ${file.path} for ${part.owner}: no package of its has that file (looked in: ${looked})`,
    place: file.place,
    hint:
      near.length > 0
        ? `did you mean ${near.join(' or ')}?`
        : 'add the package that has it to packages, or correct the path',
  };
}

function packagesThatGave(tree: Tree, index: PackageIndex): readonly LockedPackage[] {
  const givers = new Map<string, LockedPackage>();
  for (const [path, node] of tree) {
    const packaged = node.type === 'folder' ? undefined : index.get(path);
    if (packaged?.node === node) givers.set(packaged.locked.name, packaged.locked);
  }
  return [...givers.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}
