import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { layerSchema, serviceSchema } from '../services/service-schema.ts';
import { recipeSchema } from './recipe-schema.ts';

/** JSON schemas for editors by path in the repository, written from the schemas that check. */
export function makeEditorSchemas(): ReadonlyMap<string, string> {
  const schemas = {
    'build/recipe/recipe.schema.json': recipeSchema,
    'build/services/service.schema.json': serviceSchema,
    'build/services/layer.schema.json': layerSchema,
  };
  return new Map(
    Object.entries(schemas).map(([path, schema]) => [
      path,
      `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), undefined, 2)}\n`,
    ]),
  );
}

/** Writes them; a unit test fails when they are not current. */
export async function writeEditorSchemas(repositoryFolder: string): Promise<void> {
  for (const [path, text] of makeEditorSchemas()) await writeFile(join(repositoryFolder, path), text);
}

if (import.meta.main) await writeEditorSchemas(fileURLToPath(new URL('../..', import.meta.url)));
