import { z } from 'zod';
import type { YamlPath } from './yaml-source.ts';

/** What a schema says about its own faults; kept out of the JSON schemas. */
export interface SchemaRule {
  readonly code?: string;
  readonly hint?: string;
}

/** Schemas whose faults have a code of their own, or a hint. */
export const schemaRules = z.registry<SchemaRule>();

/** The rule of the schema at `path` or of what wraps it. */
export function ruleAt(schema: z.core.$ZodType, path: YamlPath): SchemaRule | undefined {
  return [...schemasAt(schema, path)]
    .map((found) => schemaRules.get(found))
    .find((rule) => rule !== undefined);
}

/** The keys that a table at `path` may have. */
export function keysAt(schema: z.core.$ZodType, path: YamlPath): string[] {
  const objects = [...schemasAt(schema, path)].filter((found) => found instanceof z.ZodObject);
  return [...new Set(objects.flatMap((found) => Object.keys(found.shape)))];
}

/** Every schema that a value at `path` may be checked by. */
function* schemasAt(schema: z.core.$ZodType, path: YamlPath): Generator<z.core.$ZodType> {
  if (path.length === 0) yield schema;
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  ) {
    yield* schemasAt(schema.unwrap(), path);
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) yield* schemasAt(option, path);
  } else if (schema instanceof z.ZodObject) {
    const inner = schema.shape[String(path[0])];
    if (path.length > 0 && inner !== undefined) yield* schemasAt(inner, path.slice(1));
  } else if (schema instanceof z.ZodArray && path.length > 0) {
    yield* schemasAt(schema.element, path.slice(1));
  } else if (schema instanceof z.ZodRecord && path.length > 0) {
    yield* schemasAt(schema.valueType, path.slice(1));
  }
}
