import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { checkShape } from '../recipe/check-shape.ts';
import type { RecipeTemplateContext, ServiceTemplateContext } from '../recipe/render-template.ts';
import { parseSize } from '../recipe/size.ts';
import { readYamlSource, type YamlSource } from '../recipe/yaml-source.ts';
import { applyOptions } from './apply-options.ts';
import { checkService } from './check-service.ts';
import { listFoldersWith } from './load-layer.ts';
import { mergeValues, type ServiceRequest } from './merge-values.ts';
import { readApparmor, readSeccomp } from './read-confinement.ts';
import { readServiceImage } from './read-image-request.ts';
import { readSlice } from './read-slice.ts';
import { renderFields } from './render-fields.ts';
import type { Account, Layer, Resources, ServiceDefinition } from './service-definition.ts';
import { type ServiceFile, serviceSchema } from './service-schema.ts';

/** Where services are looked for, in order: folders that hold a folder for each service. */
export type ServiceFolders = readonly string[];

export interface ServiceSurroundings {
  readonly folders: ServiceFolders;
  /** Names of the recipe's services; `undefined` when they are not all known because of other faults. */
  readonly wantedNames: ReadonlySet<string> | undefined;
  readonly context: RecipeTemplateContext;
  /** Gives a layer, loaded once; faults are reported where it is asked for. */
  findLayer(name: string, place: Place): Promise<Layer | undefined>;
}

/** A service with the places of its keys. */
export interface LoadedService {
  readonly definition: ServiceDefinition;
  readonly source: YamlSource;
}

/** Names of all services that can be found, sorted. */
export async function listServiceNames(folders: ServiceFolders): Promise<string[]> {
  const names = await Promise.all(folders.map((folder) => listFoldersWith(folder, 'service.yaml')));
  return [...new Set(names.flat())].sort();
}

/** Finds, reads, checks and renders a service; `undefined` with faults when there is none. */
export async function loadService(
  request: ServiceRequest,
  surroundings: ServiceSurroundings,
  faults: FaultList,
): Promise<LoadedService | undefined> {
  if (request.definition !== undefined) {
    const { file, source } = applyOptions(
      request.definition.file,
      request.definition.source,
      request,
      faults,
    );
    const definition = await makeDefinition(file, source, request, surroundings, faults);
    await checkWaits(definition, source, surroundings, faults);
    return { definition, source };
  }
  const folder = await findServiceFolder(request, surroundings.folders, faults);
  if (folder === undefined) return undefined;
  const written = await readYamlSource(join(folder, 'service.yaml'), faults);
  if (written === undefined) return undefined;
  const fallback = { name: request.name, description: '-' };
  const shape = checkShape(written, serviceSchema, fallback, faults);
  if (shape === undefined) return undefined;
  const { source } = shape;
  if (shape.value.name !== request.name && !shape.faultyKeys.has('name')) {
    faults.add({
      code: 'SERVICE_MISNAMED',
      message: `Cannot use the service "${shape.value.name}" from a folder named "${request.name}"`,
      place: source.place(['name']),
      hint: 'give the folder and the service the same name',
    });
  }
  checkRunnable(shape.value, shape.faultyKeys, source, faults);
  const whole = applyOptions(shape.value, source, request, faults);
  const definition = await makeDefinition(whole.file, whole.source, request, surroundings, faults);
  await checkWaits(definition, source, surroundings, faults);
  return { definition, source: whole.source };
}

async function findServiceFolder(
  request: ServiceRequest,
  folders: ServiceFolders,
  faults: FaultList,
): Promise<string | undefined> {
  for (const folder of folders) {
    if ((await listFoldersWith(folder, 'service.yaml')).includes(request.name))
      return join(folder, request.name);
  }
  faults.add({
    code: 'SERVICE_UNKNOWN',
    message: `Cannot find the service "${request.name}"`,
    place: request.place,
    hint: suggestName(request.name, await listServiceNames(folders), 'services'),
  });
  return undefined;
}

/** Only an image can say what to run. */
function checkRunnable(
  file: ServiceFile,
  faultyKeys: ReadonlySet<string>,
  source: YamlSource,
  faults: FaultList,
): void {
  if (file.command !== undefined || file.image !== undefined) return;
  if (faultyKeys.has('command') || faultyKeys.has('image')) return;
  faults.add({
    code: 'KEY_MISSING',
    message: 'Cannot do without the key "command" at the top of the file',
    place: source.place([]),
    hint: 'add "command: …"',
  });
}

async function makeDefinition(
  file: ServiceFile,
  source: YamlSource,
  request: ServiceRequest,
  surroundings: ServiceSurroundings,
  faults: FaultList,
): Promise<ServiceDefinition> {
  const values = mergeValues(file.values, request, faults);
  const service = { name: request.name, description: file.description };
  const context: ServiceTemplateContext = { ...surroundings.context, values, service };
  const layers = await findLayers(file.layers, source, surroundings);
  const slice = await readSlice(file, source, context, faults);
  const image = await readServiceImage(file, source, faults);
  const isOneShot = file.type === 'one-shot';
  const definition: ServiceDefinition = {
    ...service,
    folder: source.folder,
    place: source.place(['name']),
    ...slice,
    ...(image === undefined ? {} : { image }),
    layers: file.layers,
    kind: file.type,
    ...renderFields(file, source, context, faults),
    workingFolder: file.workingFolder ?? '/',
    user: findUser(
      image === undefined ? file.user : undefined,
      [...slice.accounts, ...layers.flatMap((layer) => layer.accounts)],
      source,
      faults,
    ),
    capabilities: [...new Set(file.capabilities)].sort(),
    namespaces: { ...file.namespaces, user: file.namespaces.user },
    mounts: file.mounts.map((mount) => ({
      source: mount.source,
      target: mount.target ?? mount.source,
      isReadOnly: mount.readOnly,
      isRecursive: mount.recursive,
      propagation: mount.propagation,
    })),
    devices: file.devices === 'all' ? 'all' : [...new Set(file.devices)].sort(),
    writable: [...new Set(writablePaths(file))].sort(),
    sharedWritable: file.writable
      .flatMap((entry) => (typeof entry === 'object' && entry.shared ? entry.path : []))
      .sort(),
    temporary: temporaryPaths(file),
    isRootReadOnly: file.readOnlyRoot,
    hasNewPrivileges: file.newPrivileges,
    seccomp: await readSeccomp(file.seccomp, source, faults),
    apparmor: await readApparmor(file.apparmor, source, faults),
    resources: readResources(file),
    restart: { ...file.restart, policy: file.restart.policy ?? (isOneShot ? 'never' : 'always') },
    ...(file.condition === undefined ? {} : { condition: file.condition }),
    stop: { ...file.stop, signal: (file.stop.signal ?? 'SIGTERM').replace(/^(?:SIG)?/, 'SIG') },
    console: file.console,
    packageFolder: file.packageFolder,
    commands: file.commands,
    starts: [...new Set(file.starts)],
    modules: file.modules,
    after: file.after,
    needs: file.needs.map((need) => (typeof need === 'string' ? need : need.name)),
    needsHealthy: file.needs.flatMap((need) =>
      typeof need === 'object' && need.condition === 'healthy' ? need.name : [],
    ),
    readiness: { kind: file.readiness ?? (isOneShot ? 'finished' : 'started') },
    values,
  };
  checkService(definition, layers, source, faults);
  return definition;
}

/** Whether what the service waits for is there. */
async function checkWaits(
  service: ServiceDefinition,
  source: YamlSource,
  surroundings: ServiceSurroundings,
  faults: FaultList,
): Promise<void> {
  const wanted = surroundings.wantedNames;
  if (wanted === undefined) return;
  const known = await listServiceNames(surroundings.folders);
  for (const [index, name] of service.needs.entries()) {
    if (wanted.has(name)) continue;
    faults.add({
      code: 'SERVICE_NEEDED_MISSING',
      message: `Cannot start "${service.name}" without "${name}", which the recipe does not have`,
      place: source.place(['needs', index]),
      hint: known.includes(name)
        ? `add "${name}" to the services of the recipe`
        : suggestName(name, known, 'services'),
    });
  }
  for (const [index, name] of service.after.entries()) {
    if (wanted.has(name) || known.includes(name)) continue;
    faults.add({
      code: 'SERVICE_UNKNOWN',
      message: `Cannot start "${service.name}" after "${name}": there is no such service`,
      place: source.place(['after', index]),
      hint: suggestName(name, known, 'services'),
    });
  }
}

const usualReserveBytes = 8 * 1024 * 1024;

function readResources({ resources }: ServiceFile): Resources {
  const { memory, reserve, io, cpus, ...others } = resources;
  const memoryBytes = parseSize(memory);
  const size = (text: string | undefined) => (text === undefined ? undefined : parseSize(text));
  return {
    memoryBytes,
    memoryReserveBytes: size(reserve) ?? Math.min(usualReserveBytes, memoryBytes),
    ...others,
    cpus,
    io:
      io === undefined
        ? undefined
        : {
            readBytes: size(io.read),
            writeBytes: size(io.write),
            readOperations: io.readOperations,
            writeOperations: io.writeOperations,
          },
  };
}

async function findLayers(
  names: readonly string[],
  source: YamlSource,
  surroundings: ServiceSurroundings,
): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const [index, name] of names.entries()) {
    const layer = await surroundings.findLayer(name, source.place(['layers', index]));
    if (layer !== undefined) layers.push(layer);
  }
  return layers;
}

/** One of an image's own accounts is looked up when the image is open. */
function findUser(
  name: string | undefined,
  accounts: readonly Account[],
  source: YamlSource,
  faults: FaultList,
): ServiceDefinition['user'] {
  if (name === undefined || name === 'root') return { uid: 0, gid: 0 };
  const account = accounts.find((candidate) => candidate.name === name);
  if (account !== undefined) return { uid: account.uid, gid: account.gid };
  faults.add({
    code: 'ACCOUNT_UNKNOWN',
    message: `Cannot run as "${name}": the service has no such account`,
    place: source.place(['user']),
    hint: `${suggestName(name, ['root', ...accounts.map((account) => account.name)], 'accounts')} (or add it to "accounts")`,
  });
  return { uid: 0, gid: 0 };
}

function writablePaths(file: ServiceFile): readonly string[] {
  return file.writable.map((entry) => (typeof entry === 'string' ? entry : entry.path));
}

/** /tmp and /run are in memory unless something else is put there. */
function temporaryPaths(file: ServiceFile): string[] {
  const taken = new Set([
    ...writablePaths(file),
    ...file.mounts.map((mount) => mount.target ?? mount.source),
  ]);
  const always = ['/run', '/tmp'].filter((path) => !taken.has(path));
  return [...new Set([...file.temporary, ...always])].sort();
}
