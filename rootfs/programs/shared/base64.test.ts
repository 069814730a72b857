import { expect, test } from '@jest/globals';
import { decodeBase64 } from './base64.ts';

test.each([
  ['', ''],
  ['aGVsbG8K', 'hello\n'],
  ['aGVs\n bG8=', 'hello'],
  ['aGVsbA', 'hell'],
  ['aGVsbA==', 'hell'],
])('%j is %j', (text, expected) => {
  expect(Buffer.from(decodeBase64(text) ?? []).toString()).toBe(expected);
});

test.each(['a', 'aGV*', 'aGVsbA=', 'aGVsbA===', '=aGV', 'aGVsbG8ä'])('%j is not base64', (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test('every byte', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes);
});
