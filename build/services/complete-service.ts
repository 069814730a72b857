import { constants } from 'node:os';
import { posix } from 'node:path';
import { machineLayout } from '../contract/machine-layout.ts';
import type { KeelsonError } from '../errors/keelson-error.ts';
import { imageError } from '../oci-images/image-error.ts';
import type { ImageConfiguration } from '../oci-images/image-manifest.ts';
import type { OpenedImage } from '../oci-images/open-image.ts';
import { resolvePath } from '../rootfs/resolve-path.ts';
import type { Tree } from '../rootfs/tree.ts';
import { findImageUser } from './image-user.ts';
import type { FileRequest, MountRequest, ServiceDefinition, ServiceImage } from './service-definition.ts';
import { signalNames } from './service-schema.ts';
import { normalisedPath } from './slice-schema.ts';

/**
 * A service with what its image says where service.yaml says nothing: the program, its user, folder and stop signal. Variables and
 * volumes of both count; of one name, or at one place, the service's.
 */
export async function completeService(
  service: ServiceDefinition,
  image: ServiceImage,
  { configuration, tree }: OpenedImage,
): Promise<ServiceDefinition> {
  const wrong = (code: string, reason: string, hint: string) =>
    imageError(image.request, { code, reason, hint });
  const userText = image.user ?? configuration.user;
  const user = await findImageUser(userText, tree);
  if (user === undefined) {
    const hint = 'Write "user: NAME", one of its /etc/passwd, or numbers: "user: 101:101".';
    throw wrong('IMAGE_USER_MISSING', `it has no account for the user "${userText}"`, hint);
  }
  const environment = { ...readEnvironment(configuration, wrong), ...service.environment };
  const writable = [...new Set([...service.writable, ...freeVolumes(service, configuration, wrong)])].sort();
  const workingFolder = image.isWorkingFolderOpen ? configuration.workingFolder : service.workingFolder;
  if (!isPath(workingFolder) && workingFolder !== '/') {
    throw wrong('IMAGE_UNSUPPORTED', `its working folder is "${workingFolder}"`, 'Write "workingFolder".');
  }
  const command =
    service.command.length > 0 ? service.command : [...configuration.entrypoint, ...configuration.arguments];
  return {
    ...service,
    user,
    environment,
    workingFolder,
    command: findProgram(command, environment.PATH ?? defaultPath, workingFolder, tree, service, wrong),
    stop: image.isStopSignalOpen
      ? { ...service.stop, signal: stopSignal(configuration, wrong) }
      : service.stop,
    writable,
    files: [...service.files, ...ownersOf(writable, service, tree)],
    mounts: [...service.mounts, ...networkFiles(service)],
  };
}

type Wrong = (code: string, reason: string, hint: string) => KeelsonError;

/** What engines give containers whose image has none. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function readEnvironment(
  { environment }: ImageConfiguration,
  wrong: Wrong,
): Readonly<Record<string, string>> {
  const pairs = environment.map((text): [string, string] => {
    const equals = text.indexOf('=');
    if (equals < 1 || text.includes('\0')) {
      throw wrong('IMAGE_UNSUPPORTED', `it has the variable ${JSON.stringify(text)}`, 'Name another image.');
    }
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  return Object.fromEntries([['PATH', defaultPath], ...pairs]);
}

function isPath(path: string): boolean {
  return normalisedPath.test(path);
}

/** Volumes are kept on state, where the service has not put something else. */
function freeVolumes(service: ServiceDefinition, { volumes }: ImageConfiguration, wrong: Wrong): string[] {
  const taken = [...service.temporary, ...service.mounts.map(({ target }) => target), ...service.writable];
  return volumes
    .map((volume) => {
      const path = volume.replace(/(.)\/+$/, '$1');
      if (isPath(path)) return path;
      throw wrong('IMAGE_UNSUPPORTED', `it has a volume at "${volume}"`, 'Name another image.');
    })
    .filter((path) => !taken.some((place) => path === place || path.startsWith(`${place}/`)));
}

/** State folders belong to whom the image has given the folder, as volumes of engines do. */
function ownersOf(writable: readonly string[], service: ServiceDefinition, tree: Tree): FileRequest[] {
  return writable.flatMap((path): FileRequest[] => {
    const node = tree.get(path);
    if (node?.type !== 'folder' || service.files.some((file) => file.path === path)) return [];
    const { mode, uid, gid } = node;
    return [{ kind: 'folder', path, mode, uid, gid, place: service.place }];
  });
}

/** On the machine's network, the machine's names too, as every engine has it. */
function networkFiles({ namespaces, mounts, files }: ServiceDefinition): MountRequest[] {
  if (namespaces.network !== 'machine') return [];
  const taken = new Set([...mounts.map(({ target }) => target), ...files.map(({ path }) => path)]);
  return ['hosts', 'resolv.conf']
    .filter((name) => !taken.has(`/etc/${name}`))
    .map((name) => ({
      source: `${machineLayout.runtimeEtc}/${name}`,
      target: `/etc/${name}`,
      isReadOnly: true,
      isRecursive: false,
      propagation: 'private',
    }));
}

/** The command with the whole path of its program: nothing on the machine searches, and a missing one is told now. */
function findProgram(
  command: readonly string[],
  searchPath: string,
  workingFolder: string,
  tree: Tree,
  service: ServiceDefinition,
  wrong: Wrong,
): readonly string[] {
  const [program, ...rest] = command;
  if (program === undefined || program === '') {
    throw wrong('IMAGE_COMMAND_MISSING', 'it does not say what to run', 'Write "command".');
  }
  const isBrought = [
    ...service.mounts.map(({ target }) => target),
    ...service.files.map(({ path }) => path),
  ].some((place) => program === place || program.startsWith(`${place}/`));
  if (isBrought) return command;
  const candidates = program.includes('/')
    ? [posix.resolve(workingFolder, program)]
    : searchPath.split(':').map((folder) => posix.resolve(workingFolder, folder, program));
  const found = candidates.find((path) => {
    const { path: end } = resolvePath(path, (each) => tree.get(each));
    const node = end === undefined ? undefined : tree.get(end);
    return node?.type === 'file' && (node.mode & 0o111) !== 0;
  });
  if (found !== undefined) return [found, ...rest];
  throw wrong(
    'IMAGE_PROGRAM_MISSING',
    `it has no program ${program}${program.includes('/') ? '' : ` in ${searchPath}`}`,
    'Write "command", with the whole path of a program that it has.',
  );
}

/** `SIGQUIT`, `QUIT` or `3`. */
function stopSignal({ stopSignal: text }: ImageConfiguration, wrong: Wrong): string {
  if (text === '') return 'SIGTERM';
  const byNumber = Object.entries(constants.signals).find(([, number]) => String(number) === text)?.[0];
  const name = byNumber ?? `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  if ((signalNames as readonly string[]).includes(name.slice('SIG'.length))) return name;
  throw wrong('IMAGE_UNSUPPORTED', `it is stopped by ${text}`, 'Write "stop: { signal: … }".');
}
