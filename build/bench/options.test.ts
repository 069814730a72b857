import { expect, test } from '@jest/globals';
import { readOptions, usage } from './options.ts';

test('without words everything is measured, five rounds of it', () => {
  expect(readOptions([])).toEqual({
    rounds: 5,
    only: [],
    hasBoots: true,
    hasColdBuilds: true,
    figures: 'also',
    hasDownloads: false,
  });
});

test('who names contenders gets these alone', () => {
  const options = readOptions(['--only', 'minimal,mkosi', '--only', 'docker', '--without-boots']);
  expect(options).toMatchObject({
    only: ['minimal', 'mkosi', 'docker'],
    figures: 'none',
    hasBoots: false,
  });
});

test.each([
  [['--help'], usage],
  [['--rounds', '0'], '--rounds wants a number from 1 to 99, not "0".'],
])('%j is answered with words', (words, answer) => {
  expect(readOptions(words)).toBe(answer);
});

test('an unknown option is answered with the usage', () => {
  expect(readOptions(['--fast'])).toMatch(/--fast[\s\S]*Use: npm run bench/);
});
