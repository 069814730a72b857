import type { z } from 'zod';
import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { keysAt, ruleAt } from './schema-walk.ts';
import type { YamlPath, YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

export interface CheckedShape<T> {
  readonly value: T;
  /** Top-level keys that had faults: `value` has their fallback or default, or their good entries. */
  readonly faultyKeys: ReadonlySet<string>;
  /** The places of `value`. */
  readonly source: YamlSource;
}

/**
 * Checks a YAML file against a schema and reports every fault. Where a fault lies below one top-level key, the
 * rest is still given (with `fallback` for keys that must be there), so that later checks can find more faults.
 * Faults in `faults` mean: use the value for nothing but finding more.
 */
export function checkShape<S extends z.ZodObject>(
  source: YamlSource,
  schema: S,
  fallback: Readonly<Record<string, unknown>>,
  faults: FaultList,
): CheckedShape<z.output<S>> | undefined {
  const result = schema.safeParse(source.value);
  if (result.success) return { value: result.data, faultyKeys: new Set(), source };
  const issues = result.error.issues.flatMap((issue) => flattenUnion(issue));
  for (const issue of issues) reportIssue(issue, source, schema, faults);

  const faultyKeys = new Set(issues.map((issue) => String(issue.path[0] ?? '')));
  const dropped = new DroppedEntries();
  const kept = schema.safeParse({ ...fallback, ...withoutFaults(source.value, issues, dropped) });
  if (kept.success) return { value: kept.data, faultyKeys, source: dropped.placesOf(source) };
  const less = schema.safeParse({ ...fallback, ...withoutFaultyKeys(source.value, faultyKeys) });
  return less.success ? { value: less.data, faultyKeys, source } : undefined;
}

/** In these lists an entry means nothing without those before it. */
const wholeLists = new Set(['command']);

/** A copy without what has faults: the very key, or the entry of a list. */
function withoutFaults(
  value: unknown,
  issues: readonly Issue[],
  dropped: DroppedEntries,
): Record<string, unknown> {
  if (value === null || typeof value !== 'object') return {};
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const { path: at, ...issue } of issues) {
    const path = at.map((part) => (typeof part === 'number' ? part : String(part)));
    const listAt = path.findIndex((part) => typeof part === 'number');
    if (listAt >= 0 && !wholeLists.has(String(path[listAt - 1]))) {
      dropped.add(path.slice(0, listAt), Number(path[listAt]));
    } else if (listAt >= 0) {
      deleteAt(copy, path.slice(0, listAt));
    } else if (issue.code !== 'unrecognized_keys') {
      deleteAt(copy, path);
    } else {
      for (const key of issue.keys) deleteAt(copy, [...path, key]);
    }
  }
  dropped.removeFrom(copy);
  return copy;
}

function withoutFaultyKeys(value: unknown, faultyKeys: ReadonlySet<string>): Record<string, unknown> {
  if (value === null || typeof value !== 'object') return {};
  return Object.fromEntries(Object.entries(value).filter(([key]) => !faultyKeys.has(key)));
}

function deleteAt(table: Record<string, unknown>, path: YamlPath): void {
  const parent = valueAt(table, path.slice(0, -1));
  const key = path.at(-1);
  if (key !== undefined && parent !== null && typeof parent === 'object') {
    delete (parent as Record<string, unknown>)[key];
  }
}

/** Entries left out of lists; the places of those that stay are where they were written. */
class DroppedEntries {
  readonly #lists = new Map<string, { readonly path: YamlPath; readonly indexes: Set<number> }>();

  add(path: YamlPath, index: number): void {
    const list = this.#lists.get(JSON.stringify(path)) ?? { path, indexes: new Set() };
    list.indexes.add(index);
    this.#lists.set(JSON.stringify(path), list);
  }

  removeFrom(table: Record<string, unknown>): void {
    for (const { path, indexes } of this.#lists.values()) {
      const list = valueAt(table, path);
      if (!Array.isArray(list)) continue;
      list.splice(0, list.length, ...list.filter((_entry, index) => !indexes.has(index)));
    }
  }

  placesOf(source: YamlSource): YamlSource {
    return {
      ...source,
      has: (path) => source.has(this.#asWritten(path)),
      place: (path) => source.place(this.#asWritten(path)),
      keyPlace: (path) => source.keyPlace(this.#asWritten(path)),
    };
  }

  #asWritten(path: YamlPath): YamlPath {
    const listAt = path.findIndex((part) => typeof part === 'number');
    const indexes = this.#lists.get(JSON.stringify(path.slice(0, Math.max(listAt, 0))))?.indexes;
    if (listAt < 0 || indexes === undefined) return path;
    let written = Number(path[listAt]);
    for (const index of [...indexes].sort((left, right) => left - right)) if (index <= written) written += 1;
    return [...path.slice(0, listAt), written, ...path.slice(listAt + 1)];
  }
}

const typeCodes: readonly string[] = ['invalid_type', 'invalid_value'];

/** Of a union's branches, the faults of the one that was meant: the first whose type fits. */
function flattenUnion(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (branch) => !branch.some((inner) => typeCodes.includes(inner.code) && inner.path.length === 0),
  );
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => flattenUnion({ ...inner, path: [...issue.path, ...inner.path] }));
}

function reportIssue(issue: Issue, source: YamlSource, schema: z.ZodObject, faults: FaultList): void {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      faults.add({
        code: 'KEY_UNKNOWN',
        message: `Cannot use the key "${key}" ${describeParent(path)}`,
        place: source.keyPlace([...path, key]),
        hint: suggestName(key, keysAt(schema, path), 'keys'),
      });
    }
    return;
  }
  const isMissing = !source.has(path) && typeof path.at(-1) === 'string';
  if (isMissing) {
    faults.add({
      code: 'KEY_MISSING',
      message: `Cannot do without the key "${path.at(-1)}" ${describeParent(path.slice(0, -1))}`,
      place: source.place(path.slice(0, -1)),
      hint: `add "${path.at(-1)}: …"`,
    });
    return;
  }
  const value = valueAt(source.value, path);
  const rule = ruleAt(schema, path);
  const hint = rule?.hint ?? hintFor(issue, value);
  faults.add({
    code: rule?.code ?? 'VALUE_INVALID',
    message: `Cannot use ${showValue(value)} ${describeTarget(path)}: expected ${expectation(issue)}`,
    place: source.place(path),
    ...(hint === undefined ? {} : { hint }),
  });
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a table of keys',
  record: 'a table of keys',
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords[issue.expected] ?? issue.expected;
    case 'invalid_value':
      if (issue.values.length === 1) return String(issue.values[0]);
      return issue.values.length > 8 ? issue.message : `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union': {
      const types = issue.errors.flatMap((branch) =>
        branch
          .filter((inner) => typeCodes.includes(inner.code) && inner.path.length === 0)
          .map((inner) => expectation(inner)),
      );
      return [...new Set(types)].join(' or ') || 'another type';
    }
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `at least ${issue.minimum} ${issue.origin === 'array' ? 'entry' : 'character'}`
        : `a number of at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}`
        : `a number of at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function hintFor(issue: Issue, value: unknown): string | undefined {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    return suggestName(value, issue.values.map(String), 'values');
  }
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  if (wantsText && (typeof value === 'number' || typeof value === 'boolean')) {
    return `put it in quotes: "${value}"`;
  }
  if (wantsText && value !== null && typeof value === 'object') {
    return 'text that begins with { or [ needs quotes';
  }
  if (issue.code === 'invalid_type' && issue.expected === 'array') return 'write it as a list: [one, two]';
  if (issue.code === 'invalid_type' && typeWords[issue.expected] === typeWords.object) {
    return 'write it as keys with values, each on a line of its own: "key: value"';
  }
  return undefined;
}

function describeParent(path: YamlPath): string {
  return path.length === 0 ? 'at the top of the file' : `in ${describe(path)}`;
}

function describeTarget(path: YamlPath): string {
  return path.length === 0 ? 'as the whole file' : `for ${describe(path)}`;
}

function describe(path: YamlPath): string {
  const last = path.at(-1);
  if (typeof last === 'string') return `"${last}"`;
  return `an entry of "${path.findLast((part) => typeof part === 'string') ?? ''}"`;
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let current = value;
  for (const part of path) {
    if (current === null || typeof current !== 'object') return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}

/** A value as a person would write it, short. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a table';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}
