import { posix } from 'node:path';
import { FaultList } from '../errors/fault-list.ts';
import type { RecipeTemplateContext } from '../recipe/render-template.ts';
import { ownNode } from '../rootfs/own-node.ts';
import { followParents } from '../rootfs/resolve-path.ts';
import type { SliceRequest } from '../rootfs/slice-files.ts';
import type { Tree, TreeNode } from '../rootfs/tree.ts';
import type { ServiceDefinition } from './service-definition.ts';

/**
 * The root of a service from an image: the image's files, the service's own over them. Set-user-ID bits stay only where the
 * service may gain privileges: other programs of the machine could reach them.
 */
export async function makeImageRoot(
  service: ServiceDefinition,
  image: Tree,
  context: RecipeTemplateContext,
  bundleProgram: SliceRequest['bundleProgram'],
): Promise<Tree> {
  const owner = `service ${service.name}`;
  const root = new Map<string, TreeNode>(image);
  if (!service.hasNewPrivileges) {
    for (const [path, node] of image) {
      if (node.type === 'file') root.set(path, { ...node, mode: node.mode & 0o1777 });
    }
  }
  const put = (path: string, node: TreeNode, faults: FaultList) => {
    const target = followParents(path, (each) => root.get(each));
    const present = root.get(target);
    if (present?.type === 'folder' && node.type !== 'folder') {
      faults.add({
        code: 'PATH_CONFLICT',
        message: `Cannot put a ${node.type} at ${path}: the image of ${owner} has a folder there`,
        place: service.place,
        hint: 'give it another path',
      });
      return;
    }
    addParents(root, target, owner);
    root.set(target, node);
  };
  const faults = new FaultList();
  for (const file of service.files) {
    if (file.kind === 'package') continue;
    const [, node] = await ownNode({ owner, files: [], context }, file, bundleProgram);
    // The path as it is written: an image need not have its /usr merged as Debian has.
    put(file.path, node, faults);
  }
  const { workingFolder } = service;
  if (workingFolder !== '/' && !root.has(workingFolder)) put(workingFolder, plainFolder(owner), faults);
  faults.throwIfAny();
  return root;
}

function addParents(root: Map<string, TreeNode>, path: string, origin: string): void {
  for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
    if (!root.has(parent)) root.set(parent, plainFolder(origin));
  }
}

function plainFolder(origin: string): TreeNode {
  return { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin };
}
