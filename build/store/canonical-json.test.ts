import { describe, expect, test } from '@jest/globals';
import { canonicalJson } from './canonical-json.ts';

describe('canonical JSON', () => {
  test('the order of keys has no meaning, that of lists has', () => {
    expect(canonicalJson({ b: [2, 1], a: { d: null, c: 'x' } })).toBe('{"a":{"c":"x","d":null},"b":[2,1]}');
    expect(canonicalJson({ a: 1, b: undefined })).toBe(canonicalJson({ a: 1 }));
  });

  test.each([
    ['a map', { list: [new Map()] }, 'inputs.list[0]'],
    ['bytes', { bytes: Buffer.from('x') }, 'inputs.bytes'],
    ['no number', { size: Number.NaN }, 'inputs.size'],
    ['a function', () => 1, 'inputs'],
    ['a bare undefined in a list', [undefined], 'inputs[0]'],
  ])('%s would be lost, so it is refused', (_name, value, place) => {
    expect(() => canonicalJson(value)).toThrow(`Cannot name a step: ${place} is not plain JSON`);
  });
});
