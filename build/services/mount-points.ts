import { posix } from 'node:path';
import { machineLayout } from '../contract/machine-layout.ts';
import { followParents } from '../rootfs/resolve-path.ts';
import type { Tree, TreeNode } from '../rootfs/tree.ts';
import type { OciConfig } from './oci-bundle.ts';

interface Mount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
}

/** Files among the things that the machine lends to services; everything else is a folder. */
const filesOfMachine: readonly string[] = [
  machineLayout.bootFile,
  machineLayout.engineFile,
  machineLayout.osRelease,
  machineLayout.provisionFile,
  machineLayout.stateFile,
  '/etc/group',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/localtime',
  '/etc/machine-id',
  '/etc/os-release',
  '/etc/passwd',
  '/etc/resolv.conf',
  '/etc/shadow',
];

/**
 * What a service's read-only root needs for the runtime to mount on: a folder, or an empty file where the machine lends a
 * file. The runtime cannot make them itself on erofs. What lies below another mount is made there, or is there.
 */
export function makeMountPoints(root: Tree, config: OciConfig, origin: string): Tree {
  const mounts = ((config.mounts ?? []) as readonly Mount[]).map((mount) => ({
    ...mount,
    destination: followParents(posix.normalize(mount.destination).replace(/(.)\/$/, '$1'), (path) =>
      root.get(path),
    ),
  }));
  const isBelowAnother = (path: string) =>
    mounts.some((mount) => mount.destination !== '/' && path.startsWith(`${mount.destination}/`));
  const missing = mounts
    .filter(
      ({ destination }) => destination !== '/' && !root.has(destination) && !isBelowAnother(destination),
    )
    .map((mount): [string, TreeNode] => [mount.destination, makeNode(mount, origin)]);
  return new Map(missing);
}

function makeNode(mount: Mount, origin: string): TreeNode {
  const common = { uid: 0, gid: 0, origin };
  const isFile = mount.type === 'bind' && mount.source !== undefined && isFileOfMachine(mount.source);
  return isFile
    ? { type: 'file', content: emptyContent, mode: 0o644, ...common }
    : { type: 'folder', mode: 0o755, ...common };
}

/** A service can settle any other case by a `content: ""` or `folder: true` entry at the mount's target. */
function isFileOfMachine(path: string): boolean {
  return (
    filesOfMachine.includes(path) ||
    path.startsWith(`${machineLayout.runtimeEtc}/`) ||
    /\.(conf|json|sock|socket)$/.test(path)
  );
}

const emptyContent = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  sizeBytes: 0,
  read: async () => Buffer.alloc(0),
} as const;
