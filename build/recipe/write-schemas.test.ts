import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { listFoldersWith } from '../services/load-layer.ts';
import { makeEditorSchemas } from './write-schemas.ts';

const repository = new URL('../../', import.meta.url);

const read = (path: string) => readFile(fileURLToPath(new URL(path, repository)), 'utf8');

test.each([...makeEditorSchemas()])('%s is current (writeEditorSchemas writes it)', async (path, text) => {
  expect(await read(path)).toBe(text);
});

test.each([
  ['build/recipe/recipe.schema.json', 'recipes', 'recipe.yaml'],
  ['build/services/layer.schema.json', 'rootfs/layers', 'layer.yaml'],
  ['build/services/service.schema.json', 'system-services', 'service.yaml'],
])('%s accepts what is in %s', async (schema, parent, file) => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(await read(schema)) as object);
  const names = await listFoldersWith(fileURLToPath(new URL(parent, repository)), file);
  expect(names).not.toEqual([]);
  for (const name of names) {
    validate(parse(await read(`${parent}/${name}/${file}`)));
    expect({ name, faults: validate.errors ?? [] }).toEqual({ name, faults: [] });
  }
});
