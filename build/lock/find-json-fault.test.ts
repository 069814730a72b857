import { expect, test } from '@jest/globals';
import { findJsonFault } from './find-json-fault.ts';

test.each([
  '{}',
  '[]',
  ' {"a": [1, -0.5e+3, true, false, null, "x\\n\\u00e9\\"é"]} \n',
  '{"a": {"b": {}}, "c": []}',
  '"text"',
])('%j is JSON', (text) => {
  expect(() => JSON.parse(text)).not.toThrow();
  expect(findJsonFault(text)).toBeUndefined();
});

// `|` stands where the fault is.
test.each([
  '|',
  '{"a": 1, |}',
  '{"a" |1}',
  '[1, 2|',
  '[1 |2]',
  '{"a": |demo}',
  '{} |x',
  "{|'a': 1}",
  '["a|\n"]'.replace('"a|', '|"a'),
  '[0|1]',
])('%j stops being JSON at the bar', (marked) => {
  const text = marked.replace('|', '');
  expect(() => JSON.parse(text)).toThrow();
  expect(findJsonFault(text)).toBe(marked.indexOf('|'));
});

test('deep nesting is a fault, not the end of the stack', () => {
  expect(findJsonFault('['.repeat(1_000_000))).toBe(101);
});
