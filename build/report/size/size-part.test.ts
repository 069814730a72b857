import { describe, expect, test } from '@jest/globals';
import { apportion, joinParts, joinWhole, plainPart } from './size-part.ts';

describe('parts', () => {
  test('are as large together as what they make, the largest first', () => {
    const joined = joinParts('all', [plainPart('b', 1, 4), plainPart('c', 5), plainPart('a', 1)]);
    expect(joined).toMatchObject({ name: 'all', storedBytes: 7, unpackedBytes: 10, fileCount: 0 });
    expect(joined.parts.map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  });

  test('what they leave of a whole has a name', () => {
    const whole = joinWhole('all', 10, [plainPart('a', 7)], 'padding');
    expect(whole.storedBytes).toBe(10);
    expect(whole.parts).toEqual([plainPart('a', 7), plainPart('padding', 3)]);
    expect(joinWhole('all', 7, [plainPart('a', 7)], 'padding').parts).toEqual([plainPart('a', 7)]);
  });

  test('that are larger than the whole are a fault', () => {
    expect(() => joinWhole('root', 6, [plainPart('a', 7)], 'padding')).toThrow(
      'the parts of "root" are 1 bytes larger than the whole',
    );
  });

  test.each([
    [10, [1, 1, 1], [3, 4, 3]],
    [100, [9, 0, 1], [90, 0, 10]],
    [5, [0, 0], [0, 0]],
    [7, [], []],
  ])('%i bytes by weights of %j are %j', (total, weights, portions) => {
    expect(apportion(total, weights)).toEqual(portions);
  });
});
