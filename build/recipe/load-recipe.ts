import { join } from 'node:path';
import { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { loadLayer } from '../services/load-layer.ts';
import { type LoadedService, loadService, type ServiceSurroundings } from '../services/load-service.ts';
import type { ServiceRequest } from '../services/merge-values.ts';
import { readFileRequests } from '../services/read-file-requests.ts';
import { toPackageRequest } from '../services/read-slice.ts';
import type { FileRequest, Layer } from '../services/service-definition.ts';
import { checkHealthNeeds } from './check-health-needs.ts';
import { checkPrograms, checkRecipe } from './check-recipe.ts';
import { chooseConsole } from './choose-console.ts';
import { type ReadRecipe, readRecipeChain } from './find-recipe.ts';
import { checkKernelArguments } from './kernel-arguments.ts';
import { lastGiven, mergeServices } from './merge-recipes.ts';
import { readContainers } from './read-containers.ts';
import { readDisk } from './read-disk.ts';
import { readProjects } from './read-projects.ts';
import { readUsers } from './read-users.ts';
import type { Architecture, Recipe } from './recipe.ts';
import { recipeTemplateContext } from './render-template.ts';
import { orderServices } from './start-order.ts';

export interface LoadRecipeOptions {
  /** Name of a recipe in the repository, or a path to a recipe's folder or file. */
  readonly name: string;
  readonly repositoryFolder: string;
  /** Relative paths start here. */
  readonly workingFolder: string;
  /** Takes the place of the version in the recipe. */
  readonly version?: string;
}

const defaultSuites = ['trixie', 'trixie-updates', 'trixie-security'] as const;

const defaultKernels = {
  'x86-64': 'linux-image-cloud-amd64',
  arm64: 'linux-image-cloud-arm64',
} as const satisfies Record<Architecture, string>;

/** From YAML to a checked recipe; throws FaultsError with every fault that can be found without a network. */
export async function loadRecipe(options: LoadRecipeOptions): Promise<Recipe> {
  const faults = new FaultList();
  const { chain, isWhole } = (await readRecipeChain(options, faults)) ?? { chain: [], isWhole: false };
  const own = chain.at(-1);
  if (own === undefined) {
    faults.throwIfAny();
    throw new Error('a recipe that cannot be read has no fault');
  }

  const names = {
    name: own.value.name,
    version: options.version ?? inherited(chain, 'version', isWhole, faults) ?? '2000.01.0',
    description: inherited(chain, 'description', isWhole, faults) ?? '-',
    hostname: lastGiven(chain, 'hostname')?.value ?? own.value.name,
    architecture: lastGiven(chain, 'architecture')?.value ?? ('x86-64' as const),
  };
  const suites = lastGiven(chain, 'packages')?.value.suites ?? defaultSuites;
  const context = recipeTemplateContext({ ...names, suites });
  const findLayer = makeLayerFinder(options.repositoryFolder, context, faults);
  const requests = mergeServices(chain, faults);
  const surroundings: ServiceSurroundings = {
    wantedNames: isWhole && isComplete(chain) ? new Set(requests.map((request) => request.name)) : undefined,
    folders: serviceFolders(chain, options.repositoryFolder),
    context,
    findLayer,
  };

  const layers = await findLayers(chain, findLayer);
  const initramfsLayer = await findLayer('initramfs', own.source.place(['name']));
  const services = await loadServices(requests, surroundings, faults);
  const serviceLayers = await collectServiceLayers(services, findLayer);
  const files = await readRecipeFiles(chain, context, faults);
  const users = readUsers(chain, faults);
  const isEveryServiceKnown = isWhole && isComplete(chain) && services.length === requests.length;
  const engines = isEveryServiceKnown ? services : undefined;
  const containers = await readContainers(chain, engines, faults);
  const projects = await readProjects(chain, engines, faults);
  checkRecipe({ layers, serviceLayers, services, files, users }, faults);
  const slices = [
    ...layers,
    ...(initramfsLayer === undefined ? [] : [initramfsLayer]),
    ...serviceLayers.values(),
    ...services.map(({ definition }) => definition),
    { files },
  ];
  const allFiles = [...new Set(slices.flatMap((slice) => slice.files))];
  await checkPrograms(allFiles, join(options.repositoryFolder, 'rootfs', 'programs'), faults);

  const kernelPackage = chain.findLast(({ value }) => value.kernel?.package !== undefined)?.value.kernel
    ?.package;
  const recipe = {
    ...names,
    folder: own.source.folder,
    argument: options.name,
    place: own.source.place(['name']),
    kernel: {
      kind: 'debian' as const,
      package: toPackageRequest(kernelPackage ?? defaultKernels[names.architecture]),
    },
    kernelArguments: checkKernelArguments(chain, faults),
    suites,
    layers,
    initramfsLayer,
    serviceLayers,
    services: orderServices(checkHealthNeeds(services, faults), faults),
    containers,
    projects,
    files,
    users,
    console: chooseConsole(lastGiven(chain, 'console'), services, isWhole && isComplete(chain), faults),
    // Sizes are judged against each other, so all of them must be known.
    disk: readDisk(chain, names.architecture, isWhole ? faults : new FaultList()),
    outputs: [...new Set(lastGiven(chain, 'outputs')?.value ?? (['raw'] as const))],
  };
  faults.throwIfAny();
  if (initramfsLayer === undefined) throw new Error('a layer that cannot be read has no fault');
  return { ...recipe, initramfsLayer };
}

/** Whether all services are known: without them "missing" would be said of services that are only misspelt. */
function isComplete(chain: readonly ReadRecipe[]): boolean {
  return !chain.some((recipe) => recipe.faultyKeys.has('services'));
}

/** What a recipe must have of its own or of one that it extends. */
function inherited(
  chain: readonly ReadRecipe[],
  key: 'version' | 'description',
  isWhole: boolean,
  faults: FaultList,
): string | undefined {
  const given = lastGiven(chain, key)?.value;
  const own = chain.at(-1);
  if (given !== undefined || own === undefined || !isWhole) return given;
  if (chain.some(({ faultyKeys }) => faultyKeys.has(key))) return given;
  faults.add({
    code: 'KEY_MISSING',
    message: `Cannot do without the key "${key}" at the top of the file`,
    place: own.source.place([]),
    hint: `add "${key}: …"`,
  });
  return undefined;
}

type LayerFinder = (name: string, place: Place) => Promise<Layer | undefined>;

function makeLayerFinder(
  repositoryFolder: string,
  context: ReturnType<typeof recipeTemplateContext>,
  faults: FaultList,
): LayerFinder {
  const loaded = new Map<string, Promise<Layer | undefined>>();
  return (name, place) => {
    const layer = loaded.get(name) ?? loadLayer({ name, place }, repositoryFolder, context, faults);
    loaded.set(name, layer);
    return layer;
  };
}

/** The recipe's own folder first, then those of the recipes that it extends, then the repository. */
function serviceFolders(chain: readonly ReadRecipe[], repositoryFolder: string): string[] {
  const folders = [...chain.map(({ source }) => source.folder).reverse(), repositoryFolder];
  return [...new Set(folders.map((folder) => join(folder, 'system-services')))];
}

async function findLayers(chain: readonly ReadRecipe[], findLayer: LayerFinder): Promise<Layer[]> {
  const owner = chain.findLast(({ value }) => value.layers !== undefined);
  const place = owner ?? chain.at(-1);
  const layers: Layer[] = [];
  for (const [index, name] of [...new Set(owner?.value.layers ?? ['base'])].entries()) {
    const layer = place && (await findLayer(name, place.source.place(['layers', index])));
    if (layer !== undefined) layers.push(layer);
  }
  return layers;
}

async function loadServices(
  requests: readonly ServiceRequest[],
  surroundings: ServiceSurroundings,
  faults: FaultList,
): Promise<LoadedService[]> {
  const services: LoadedService[] = [];
  for (const request of requests) {
    const service = await loadService(request, surroundings, faults);
    if (service !== undefined) services.push(service);
  }
  return services;
}

async function collectServiceLayers(
  services: readonly LoadedService[],
  findLayer: LayerFinder,
): Promise<Map<string, Layer>> {
  const layers = new Map<string, Layer>();
  for (const { definition: service } of services) {
    for (const name of service.layers) {
      const layer = await findLayer(name, service.place);
      if (layer !== undefined) layers.set(name, layer);
    }
  }
  return new Map([...layers].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Files of all recipes; one of the same path in an extending recipe replaces the earlier. */
async function readRecipeFiles(
  chain: readonly ReadRecipe[],
  context: ReturnType<typeof recipeTemplateContext>,
  faults: FaultList,
): Promise<FileRequest[]> {
  let files: FileRequest[] = [];
  for (const { value, source } of chain) {
    const own = await readFileRequests(value.files, source, context, faults);
    for (const file of own) {
      if (file.kind !== 'package') continue;
      faults.add({
        code: 'FILE_INVALID',
        message: `Cannot take ${file.path} from a package: a recipe has no packages of its own`,
        place: file.place,
        hint: 'name it in a service or a layer, or give "source" or "content"',
      });
    }
    const replaced = new Set(own.map((file) => file.path));
    files = [...files.filter((file) => !replaced.has(file.path)), ...own];
  }
  return files;
}
