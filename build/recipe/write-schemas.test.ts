import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { makeEditorSchemas } from './write-schemas.ts';

const repository = new URL('../../', import.meta.url);

const read = (path: string) => readFile(fileURLToPath(new URL(path, repository)), 'utf8');

test.each([...makeEditorSchemas()])('%s is current (writeEditorSchemas writes it)', async (path, text) => {
  expect(await read(path)).toBe(text);
});

test.each([
  ['build/recipe/recipe.schema.json', 'recipes/minimal/recipe.yaml'],
  ['build/services/layer.schema.json', 'rootfs/layers/base/layer.yaml'],
])('%s accepts %s as an editor reads it', async (schema, file) => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(await read(schema)) as object);
  validate(parse(await read(file)));
  expect(validate.errors ?? []).toEqual([]);
});
