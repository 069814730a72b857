import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { YamlSource } from '../recipe/yaml-source.ts';
import type { ServiceFile } from './service-schema.ts';

/** A service as recipes ask for it. */
export interface ServiceRequest {
  readonly name: string;
  /** Where it is asked for. */
  readonly place: Place;
  /** Values that recipes give, each with its place. */
  readonly values: ReadonlyMap<string, { readonly value: unknown; readonly place: Place }>;
  /** Options that recipes ask for, each with its place. */
  readonly options: ReadonlyMap<string, Place>;
  /** The whole service, when it is written in a recipe; the places in `source` are below its entry. */
  readonly definition?: { readonly file: ServiceFile; readonly source: YamlSource };
}

/**
 * The values of a service under those of the recipe. A recipe can only give values that the service declares, of the
 * type that it declares; one declared as null must be given.
 */
export function mergeValues(
  declared: Readonly<Record<string, unknown>>,
  request: ServiceRequest,
  faults: FaultList,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...declared };
  for (const [key, { value, place }] of request.values) {
    if (!Object.hasOwn(declared, key)) {
      faults.add({
        code: 'VALUE_UNKNOWN',
        message: `Cannot give "${request.name}" the value "${key}": it does not use one`,
        place,
        hint: suggestName(key, Object.keys(declared), 'values'),
      });
      continue;
    }
    const [wanted, given] = [typeName(declared[key]), typeName(value)];
    if (wanted !== given && wanted !== 'nothing') {
      faults.add({
        code: 'VALUE_INVALID',
        message: `Cannot give "${request.name}" ${given} as the value "${key}": expected ${wanted}`,
        place,
        hint: `look at "values" in the service.yaml of "${request.name}"`,
      });
      continue;
    }
    merged[key] = value;
  }
  for (const [key, value] of Object.entries(merged)) {
    if (value !== null) continue;
    faults.add({
      code: 'VALUE_MISSING',
      message: `Cannot use "${request.name}" without the value "${key}"`,
      place: request.place,
      hint: `write "- name: ${request.name}" and below it "values: { ${key}: … }"`,
    });
  }
  return merged;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a table';
  return (
    { string: 'text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'a value'
  );
}
