import { describe, expect, test } from '@jest/globals';
import { median, ratios, summarise } from './statistics.ts';

test.each([
  [[3], 3],
  [[5, 1, 3], 3],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('a summary has the middle and both ends, and there is none of nothing', () => {
  expect(summarise([4, 2, 9])).toEqual({ median: 4, least: 2, most: 9, count: 3 });
  expect(summarise([])).toBeUndefined();
});

describe('how many times the base', () => {
  test('rounds are compared with the same round: a busy computer is busy for both', () => {
    expect(ratios([10, 40, 30], [5, 20, 10])).toEqual({ median: 2, least: 2, most: 3, count: 3 });
  });

  test('another number of values is compared with the median of the base', () => {
    expect(ratios([10, 20], [1, 2, 90])).toEqual({ median: 7.5, least: 5, most: 10, count: 2 });
  });

  test.each([
    [[1], []],
    [[1], [0]],
    [[], [1]],
  ])('%j beside %j has none', (values, base) => {
    expect(ratios(values, base)).toBeUndefined();
  });
});
