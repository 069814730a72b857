import { dirname } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { FaultList } from '../errors/fault-list.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import { KeelsonError, type Place } from '../errors/keelson-error.ts';
import { readAtOnce } from '../host/read-at-once.ts';
import { findPrivateKey } from './private-key.ts';

export type YamlPath = readonly (string | number)[];

/** A YAML file that was read whole, with the place of every part of it. */
export interface YamlSource {
  /** Absolute path. */
  readonly file: string;
  readonly folder: string;
  /** As plain JavaScript values; `mode` and `version` stay text as written. */
  readonly value: unknown;
  has(path: YamlPath): boolean;
  /** Of the value at `path`, or of the nearest part above it that exists. */
  place(path: YamlPath): Place;
  /** Of the key that `path` ends with. */
  keyPlace(path: YamlPath): Place;
}

const sizeLimitBytes = 1024 * 1024;

/** Keys whose numbers are text in truth: `0644` is not 644, `2026.10` is not 2026.1. */
const textKeys = new Set(['mode', 'version']);

/** Reads a YAML 1.2 file; `undefined` with faults when it is not one. */
export async function readYamlSource(file: string, faults: FaultList): Promise<YamlSource | undefined> {
  let bytes: Buffer;
  try {
    bytes = readAtOnce(file);
  } catch (cause) {
    faults.add({
      code: 'FILE_UNREADABLE',
      class: 'environment',
      message: 'Cannot read the file',
      place: { file },
      hint: 'check that it is a file and that you may read it',
      cause,
    });
    return undefined;
  }
  if (bytes.length > sizeLimitBytes) {
    faults.add({
      code: 'YAML_TOO_LARGE',
      message: `Cannot read a YAML file of ${formatBytes(bytes.length)}: the limit is ${formatBytes(sizeLimitBytes)}`,
      place: { file },
      hint: 'move large content to files of its own and name them with "source"',
    });
    return undefined;
  }
  return parseYamlSource(file, bytes.toString('utf8'), faults);
}

/** The same for text that is at hand. */
export function parseYamlSource(file: string, text: string, faults: FaultList): YamlSource | undefined {
  const lineCounter = new LineCounter();
  const lines = text.split(/\r?\n/);
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(Math.min(offset, text.length));
    return {
      file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      sourceLine: lines[Math.max(line, 1) - 1] ?? '',
    };
  };

  for (const problem of [...document.errors, ...document.warnings]) {
    faults.add({
      code: 'YAML_UNREADABLE',
      message: `Cannot read as YAML: ${problem.message.split('\n')[0]}`,
      place: placeAt(problem.pos[0]),
      hint:
        problem.code === 'DUPLICATE_KEY'
          ? 'keep one of the two keys'
          : 'check indentation, colons and brackets; a value that begins with { or [ as text needs quotes',
    });
  }
  const secret = findPrivateKey(text);
  if (secret !== undefined) {
    faults.add({
      code: 'SECRET_REFUSED',
      message: `Cannot take ${secret.kind} into a recipe: an image is no place for secrets`,
      place: { ...placeAt(secret.offset), sourceLine: '(not shown)' },
      hint: 'remove it, replace the key, and give the machine its secrets when it is provisioned',
    });
  }
  if (document.errors.length > 0 || secret !== undefined) return undefined;

  keepText(document);
  const value = faults.catch(() => toPlainValue(document, file));
  if (value === undefined) return undefined;
  return {
    file,
    folder: dirname(file),
    value,
    has: (path) => document.hasIn(path),
    place: (path) => placeAt(offsetOf(document, path)),
    keyPlace: (path) => placeAt(keyOffsetOf(document, path) ?? offsetOf(document, path)),
  };
}

function toPlainValue(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (cause) {
    throw new KeelsonError({
      code: 'YAML_UNREADABLE',
      class: 'input',
      message: 'Cannot read as YAML: its aliases cannot be resolved',
      place: { file },
      hint: 'write the repeated parts out',
      cause,
    });
  }
}

function keepText(document: Document): void {
  visit(document, {
    Pair(_, pair) {
      const isText = isScalar(pair.key) && textKeys.has(String(pair.key.value));
      if (isText && isScalar(pair.value) && typeof pair.value.value === 'number') {
        pair.value.value = pair.value.source ?? String(pair.value.value);
      }
    },
  });
}

function offsetOf(document: Document, path: YamlPath): number {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function keyOffsetOf(document: Document, path: YamlPath): number | undefined {
  const key = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}
