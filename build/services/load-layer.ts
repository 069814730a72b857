import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { checkShape } from '../recipe/check-shape.ts';
import type { RecipeTemplateContext } from '../recipe/render-template.ts';
import { readYamlSource } from '../recipe/yaml-source.ts';
import { readSlice } from './read-slice.ts';
import type { Layer } from './service-definition.ts';
import { layerSchema } from './service-schema.ts';

export interface LayerRequest {
  readonly name: string;
  /** Where it is asked for. */
  readonly place: Place;
}

/** Reads `rootfs/layers/<name>/layer.yaml`; `undefined` with faults when it cannot be used. */
export async function loadLayer(
  request: LayerRequest,
  repositoryFolder: string,
  context: RecipeTemplateContext,
  faults: FaultList,
): Promise<Layer | undefined> {
  const layersFolder = join(repositoryFolder, 'rootfs', 'layers');
  const names = await listFoldersWith(layersFolder, 'layer.yaml');
  if (!names.includes(request.name)) {
    faults.add({
      code: 'LAYER_UNKNOWN',
      message: `Cannot find the layer "${request.name}"`,
      place: request.place,
      hint: suggestName(request.name, names, 'layers'),
    });
    return undefined;
  }
  const folder = join(layersFolder, request.name);
  const written = await readYamlSource(join(folder, 'layer.yaml'), faults);
  if (written === undefined) return undefined;
  const shape = checkShape(written, layerSchema, { name: request.name, description: '-' }, faults);
  if (shape === undefined) return undefined;
  const { value, source } = shape;
  if (value.name !== request.name) {
    faults.add({
      code: 'LAYER_MISNAMED',
      message: `Cannot use the layer "${value.name}" from a folder named "${request.name}"`,
      place: source.place(['name']),
      hint: 'give the folder and the layer the same name',
    });
  }
  return {
    name: request.name,
    description: value.description,
    folder,
    ...(await readSlice(value, source, context, faults)),
  };
}

/** Names of the folders in `parent` that have `file` in them, sorted; none when `parent` is not there. */
export async function listFoldersWith(parent: string, file: string): Promise<string[]> {
  const names = await readFolder(parent);
  return names.filter((name) => existsSync(join(parent, name, file))).sort();
}

async function readFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
