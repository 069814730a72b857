import { join } from 'node:path';
import type { DebianArchitecture } from '../debian/package.ts';
import type { Place } from '../errors/keelson-error.ts';
import { containerImages } from '../oci-images/container-images.ts';
import type { Architecture, Recipe } from '../recipe/recipe.ts';
import { recipeTemplateContext, serviceTemplateContext } from '../recipe/render-template.ts';
import type { SlicePart } from '../rootfs/slice-files.ts';
import type { Layer, PackageRequest, ServiceDefinition } from '../services/service-definition.ts';
import { canonicalJson, digestOf } from '../store/canonical-json.ts';
import type { Sha256 } from '../store/store.ts';
import { lockfileFormat } from './lockfile.ts';
import type { DeclaredRequest } from './request-place.ts';

export const debianArchitectures = {
  'x86-64': 'amd64',
  arm64: 'arm64',
} as const satisfies Record<Architecture, DebianArchitecture>;

/** Packages that are solved together, and the slice parts that then say which of them give files. */
export interface LockGroup {
  readonly name: string;
  /** Where it is asked for, for messages. */
  readonly place: Place;
  /** Sorted, each once. */
  readonly requests: readonly DeclaredRequest[];
  readonly parts: readonly SlicePart[];
  /** All that is solved is wanted, as .deb files. */
  readonly isWhole?: boolean;
}

/** What is locked for a recipe: `base`, `initramfs`, `kernel` and one `service/<name>` each. */
export function lockGroups(recipe: Recipe): LockGroup[] {
  const context = recipeTemplateContext(recipe);
  const layerPart = ({ name, files }: Layer): SlicePart => ({ owner: `layer ${name}`, files, context });
  const ownPart: SlicePart = { owner: `recipe ${recipe.name}`, files: recipe.files, context };
  return [
    {
      name: 'base',
      place: recipe.place,
      requests: requestsOf(recipe.layers),
      parts: [...recipe.layers.map(layerPart), ownPart],
    },
    {
      name: 'initramfs',
      place: recipe.place,
      requests: requestsOf([recipe.initramfsLayer]),
      parts: [layerPart(recipe.initramfsLayer)],
    },
    { name: 'kernel', place: recipe.place, requests: [recipe.kernel.package], parts: [] },
    // One of an image has no packages.
    ...recipe.services
      .filter(({ image }) => image === undefined)
      .map((service) => {
        const layers = layersOf(recipe, service);
        const serviceContext = serviceTemplateContext(recipe, service);
        return {
          name: `service/${service.name}`,
          place: service.place,
          requests: requestsOf([service, ...layers]),
          parts: [
            { owner: `service ${service.name}`, files: service.files, context: serviceContext },
            ...layers.map(layerPart),
          ],
          isWhole: service.packageFolder !== undefined,
        };
      }),
  ];
}

/** The layers that a service includes. */
function layersOf(recipe: Recipe, service: ServiceDefinition): Layer[] {
  return service.layers.map((name) => {
    const layer = recipe.serviceLayers.get(name);
    if (layer === undefined)
      throw new Error(`service ${service.name} names the layer ${name}, which was not loaded`);
    return layer;
  });
}

function requestsOf(slices: readonly (Layer | ServiceDefinition)[]): DeclaredRequest[] {
  const declared = slices.flatMap((slice) => {
    const file = 'place' in slice ? slice.place.file : join(slice.folder, 'layer.yaml');
    return slice.packages.map((request, index) => ({ ...request, declared: { file, index } }));
  });
  const byName = new Map(declared.map((request) => [requestName(request), request]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request);
}

/** As apt and the lockfile write a request: `name`, or `name/suite`. */
export function requestName({ name, suite }: PackageRequest): string {
  return suite === undefined ? name : `${name}/${suite}`;
}

/**
 * Digest of all that locking reads of a recipe: architecture, suites, per group the packages and the paths that
 * are taken from them, and images with the keys that they must be signed by. A lockfile with another digest is outdated.
 */
export function requestDigest(recipe: Recipe): Sha256 {
  const groups = lockGroups(recipe).map(({ name, requests, parts, isWhole }) => ({
    name,
    requests: requests.map(requestName),
    files: [...new Set(parts.flatMap(packagePaths))].sort(),
    ...(isWhole === true ? { isWhole } : {}),
  }));
  const { architecture, suites } = recipe;
  const images = [
    ...recipe.services.flatMap(({ name, image }) =>
      image === undefined ? [] : [{ name, request: image.request }],
    ),
    ...containerImages(recipe).map(({ key, request }) => ({ name: key, request })),
  ].map(({ name, request }) => ({ name, image: request.reference, key: request.key?.sha256 ?? '' }));
  const ofImages = images.length === 0 ? {} : { images };
  return digestOf(canonicalJson({ format: lockfileFormat, architecture, suites, groups, ...ofImages }));
}

function packagePaths({ files }: SlicePart): string[] {
  return files.flatMap((file) => (file.kind === 'package' ? [file.path] : []));
}
