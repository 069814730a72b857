import { posix } from 'node:path';
import type { OpenedPackage } from '../debian/package.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { recipeTemplateContext, serviceTemplateContext } from '../recipe/render-template.ts';
import type { Layer, ServiceDefinition } from '../services/service-definition.ts';
import { type SlicedFiles, type SlicePart, type SliceRequest, sliceFiles } from './slice-files.ts';
import { TreeDraft } from './tree-draft.ts';

type Bundler = SliceRequest['bundleProgram'];

/** The machine's own root, without services: the recipe's base layers, then its own files. Lock group `base`. */
export function sliceBase(
  recipe: Recipe,
  packages: readonly OpenedPackage[],
  bundleProgram: Bundler,
): Promise<SlicedFiles> {
  const context = recipeTemplateContext(recipe);
  const parts: SlicePart[] = [
    ...recipe.layers.map((layer) => ({ owner: `layer ${layer.name}`, files: layer.files, context })),
    { owner: `recipe ${recipe.name}`, files: recipe.files, context },
  ];
  return sliceFiles({ parts, packages, bundleProgram });
}

/** A service's root: the layers that it includes, then its own files. Lock group `service/<name>`. */
export async function sliceService(
  recipe: Recipe,
  service: ServiceDefinition,
  packages: readonly OpenedPackage[],
  bundleProgram: Bundler,
): Promise<SlicedFiles> {
  const context = recipeTemplateContext(recipe);
  const parts: SlicePart[] = [
    ...layersOfService(recipe, service).map((layer) => ({
      owner: `layer ${layer.name}`,
      files: layer.files,
      context,
    })),
    {
      owner: `service ${service.name}`,
      files: service.files,
      context: serviceTemplateContext(recipe, service),
    },
  ];
  const sliced = await sliceFiles({ parts, packages, bundleProgram });
  return service.packageFolder === undefined
    ? sliced
    : addPackageFiles(sliced, service.packageFolder, packages);
}

/** The .deb files under the names that they have in the archive. */
function addPackageFiles(
  { tree }: SlicedFiles,
  folder: string,
  packages: readonly OpenedPackage[],
): SlicedFiles {
  const draft = new TreeDraft();
  for (const [path, node] of tree) draft.put(path, node, 'asked');
  for (const { locked, file } of packages) {
    const origin = `package ${locked.name}`;
    const node = { type: 'file', content: file, mode: 0o644, uid: 0, gid: 0, origin } as const;
    draft.put(`${folder}/${posix.basename(locked.path)}`, node, 'asked');
  }
  return { tree: draft.finish(), packages: packages.map(({ locked }) => locked) };
}

export function layersOfService(recipe: Recipe, service: ServiceDefinition): readonly Layer[] {
  return service.layers.map((name) => {
    const layer = recipe.serviceLayers.get(name);
    if (layer === undefined)
      throw new Error(`service ${service.name} names layer ${name}, which is not loaded`);
    return layer;
  });
}
