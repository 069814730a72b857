import type { DebianArchitecture } from '../debian/package.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { Architecture, Recipe } from '../recipe/recipe.ts';
import type {
  FileRequest,
  Layer,
  PackageRequest,
  ServiceDefinition,
  Slice,
} from '../services/service-definition.ts';
import { canonicalJson, digestOf } from '../store/canonical-json.ts';
import type { Sha256 } from '../store/store.ts';
import { lockfileFormat } from './lockfile.ts';

export const debianArchitectures = {
  'x86-64': 'amd64',
  arm64: 'arm64',
} as const satisfies Record<Architecture, DebianArchitecture>;

/** Packages that are solved together, and the slices that then say which of them give files. */
export interface LockGroup {
  readonly name: string;
  readonly place: Place;
  readonly requests: readonly PackageRequest[];
  readonly slices: readonly Slice[];
}

/** What is locked for a recipe: `base`, `kernel` and one `service/<name>` each. */
export function lockGroups(recipe: Recipe): LockGroup[] {
  const own: Slice = { packages: [], files: recipe.files };
  return [
    lockGroup('base', recipe.place, [...recipe.layers, own]),
    { name: 'kernel', place: recipe.place, requests: [recipe.kernel.package], slices: [] },
    ...recipe.services.map((service) =>
      lockGroup(`service/${service.name}`, service.place, [service, ...layersOf(recipe, service)]),
    ),
  ];
}

function lockGroup(name: string, place: Place, slices: readonly Slice[]): LockGroup {
  const requests = new Map(
    slices.flatMap((slice) => slice.packages).map((request) => [requestName(request), request] as const),
  );
  return {
    name,
    place,
    requests: [...requests.keys()].sort().map((key) => requests.get(key) as PackageRequest),
    slices,
  };
}

/** A service's own slice and those of the layers it includes. */
function layersOf(recipe: Recipe, service: ServiceDefinition): Layer[] {
  return service.layers.map((name) => {
    const layer = recipe.serviceLayers.get(name);
    if (layer === undefined)
      throw new Error(`the recipe has no layer ${name} although service ${service.name} names it`);
    return layer;
  });
}

/** As apt and the lockfile write a request: `name`, or `name/suite`. */
export function requestName({ name, suite }: PackageRequest): string {
  return suite === undefined ? name : `${name}/${suite}`;
}

/** Digest of all that locking reads of a recipe; a lockfile with another one is outdated. */
export function requestDigest(recipe: Recipe): Sha256 {
  const groups = lockGroups(recipe).map(({ name, requests, slices }) => ({
    name,
    requests: requests.map(requestName),
    files: [...new Set(slices.flatMap(({ files }) => files.flatMap(packagePath)))].sort(),
  }));
  const { architecture, suites } = recipe;
  return digestOf(canonicalJson({ format: lockfileFormat, architecture, suites, groups }));
}

function packagePath(file: FileRequest): string[] {
  return file.kind === 'package' ? [file.path] : [];
}
