import type { z } from 'zod';
import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { keysAt, ruleAt } from './schema-walk.ts';
import type { YamlPath, YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

export interface CheckedShape<T> {
  readonly value: T;
  /** Top-level keys that had faults: `value` has their fallback or default. */
  readonly faultyKeys: ReadonlySet<string>;
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
  if (result.success) return { value: result.data, faultyKeys: new Set() };
  const issues = result.error.issues.flatMap((issue) => flattenUnion(issue));
  for (const issue of issues) reportIssue(issue, source, schema, faults);

  const faultyKeys = new Set(issues.map((issue) => String(issue.path[0] ?? '')));
  const kept = schema.safeParse({ ...fallback, ...withoutFaults(source.value, issues, 'whole path') });
  if (kept.success) return { value: kept.data, faultyKeys };
  const less = schema.safeParse({ ...fallback, ...withoutFaults(source.value, issues, 'top key') });
  return less.success ? { value: less.data, faultyKeys } : undefined;
}

/** A copy without what has faults: the very key, or all below its top-level key. Lists go whole, for their places' sake. */
function withoutFaults(
  value: unknown,
  issues: readonly Issue[],
  extent: 'whole path' | 'top key',
): Record<string, unknown> {
  if (value === null || typeof value !== 'object') return {};
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const issue of issues) {
    const listAt = issue.path.findIndex((part) => typeof part === 'number');
    const end = extent === 'top key' ? 1 : listAt < 0 ? issue.path.length : listAt;
    const path = issue.path.slice(0, end).map(String);
    if (issue.code !== 'unrecognized_keys' || listAt >= 0 || (extent === 'top key' && path.length > 0)) {
      deleteAt(copy, path);
    } else {
      for (const key of issue.keys) deleteAt(copy, [...path, key]);
    }
  }
  return copy;
}

function deleteAt(table: Record<string, unknown>, path: readonly string[]): void {
  const parent = valueAt(table, path.slice(0, -1));
  const key = path.at(-1);
  if (key !== undefined && parent !== null && typeof parent === 'object') {
    delete (parent as Record<string, unknown>)[key];
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
