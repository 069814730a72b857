import { expect, test } from '@jest/globals';
import { describeFigure, median } from './figures.ts';

test.each([
  [[3], 3],
  [[5, 1, 3], 3],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test.each([
  [1.24, 'warm build                                       1.2 s   target 2 s    pass (0.62 of it)'],
  [3, 'warm build                                       3.0 s   target 2 s    OVER (1.50 of it)'],
])('a figure of %d s reads', (value, expected) => {
  expect(describeFigure({ name: 'warm build', value, unit: 's', target: 2 })).toBe(expected);
});
