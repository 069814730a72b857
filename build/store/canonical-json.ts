import { createHash } from 'node:crypto';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Sha256 } from './store.ts';

/** JSON with sorted keys: equal values give equal text. Refuses what JSON would lose without a word. */
export function canonicalJson(value: unknown, at = 'inputs'): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => canonicalJson(item, `${at}[${index}]`)).join(',')}]`;
  }
  if (typeof value === 'object' && isPlain(value)) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field, `${at}.${name}`)}`);
    return `{${fields.join(',')}}`;
  }
  throw new KeelsonError({
    code: 'STEP_INPUT_INVALID',
    class: 'internal',
    message: `Cannot name a step: ${at} is not plain JSON`,
    hint: 'Report this: it is a fault of Keelson.',
  });
}

/** Not by prototype identity: under Jest plain objects come from another realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function digestOf(text: string | Buffer): Sha256 {
  return createHash('sha256').update(text).digest('hex');
}
