import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildHost } from '../host/build-host.ts';
import type { ToolCommand, ToolsTree } from './tools-tree.ts';

export const isolateScript = fileURLToPath(new URL('isolate.sh', import.meta.url));

/** Where the dynamic loader lies in a tree, by Node's name of the architecture. */
const loaders: Readonly<Record<string, { readonly libraries: string; readonly loader: string }>> = {
  x64: { libraries: 'usr/lib/x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { libraries: 'usr/lib/aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

export interface TreePlace {
  /** The unpacked tree. */
  readonly folder: string;
  /** An empty folder over which each run mounts its own root. */
  readonly rootFolder: string;
}

/** The same for every tool on every computer. */
export const toolEnvironment: Readonly<Record<string, string>> = {
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  PATH: '/usr/sbin:/usr/bin',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONHASHSEED: '0',
  SOURCE_DATE_EPOCH: '0',
  TZ: 'UTC',
};

/**
 * The command line that runs a tool in namespaces of its own (mounts, and network unless it has one), with the tree
 * as its root. An ordinary user also gets a user namespace, in which it is root.
 */
export function isolatedCommand(
  host: Pick<BuildHost, 'isRoot'>,
  place: TreePlace,
  command: ToolCommand,
): ReturnType<ToolsTree['commandLine']> {
  const { libraries, loader } = loaders[process.arch] ?? { libraries: 'usr/lib', loader: 'ld-linux.so.2' };
  const libraryFolder = join(place.folder, libraries);
  const start = [join(libraryFolder, loader), '--library-path', libraryFolder] as const;
  const namespaces = [
    ...(host.isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    ...(command.hasNetwork ? [] : ['--net']),
  ];
  return {
    file: start[0],
    arguments: [
      ...start.slice(1),
      join(place.folder, 'usr/bin/unshare'),
      ...namespaces,
      '--',
      ...start,
      join(place.folder, 'usr/bin/dash'),
      isolateScript,
      start[0],
      libraryFolder,
      place.folder,
      place.rootFolder,
      command.workingFolder ?? '/tmp',
      ...visibleFolders(command).flatMap(({ access, path }) => [access, path]),
      '--',
      command.file,
      ...command.arguments,
    ],
    environment: { ...toolEnvironment, ...command.environment },
  };
}

/** Outer folders before those inside them, so that none hides another. */
function visibleFolders(command: ToolCommand): { access: 'ro' | 'rw'; path: string }[] {
  const readOnly = [...(command.readOnly ?? [])];
  // The guest's names are looked up by QEMU with the computer's own servers.
  if (command.hasNetwork && existsSync('/etc/resolv.conf')) readOnly.push('/etc/resolv.conf');
  const folders = [
    ...readOnly.map((path) => ({ access: 'ro' as const, path })),
    ...(command.writable ?? []).map((path) => ({ access: 'rw' as const, path })),
  ];
  return folders.sort((left, right) => (left.path < right.path ? -1 : Number(left.path > right.path)));
}
