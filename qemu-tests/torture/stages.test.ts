import { describe, expect, test } from '@jest/globals';
import { randomFrom } from '../support/disk/random.ts';
import { planCuts, stages } from './stages.ts';

describe('planned power cuts', () => {
  const plan = (cuts: number, seed: number, only: readonly string[] = []) =>
    planCuts(cuts, randomFrom(seed), only);

  test.each([1, 2, 13, 200])('%i cuts are planned, those that follow another one counted', (cuts) => {
    const planned = plan(cuts, 5);
    expect(planned.reduce((sum, { again }) => sum + 1 + again.length, 0)).toBe(cuts);
  });

  test('the same seed plans the same cuts, another one others', () => {
    expect(plan(50, 1)).toEqual(plan(50, 1));
    expect(plan(50, 1)).not.toEqual(plan(50, 2));
  });

  test('a version that is tried keeps one of its three boots', () => {
    const onTrial = plan(200, 4).filter(({ stage }) => stage.life !== 'ready');
    expect(Math.max(...onTrial.map(({ again }) => again.length))).toBe(1);
    expect(Math.max(...plan(200, 4).map(({ again }) => again.length))).toBe(2);
  });

  test('every stage has its turn', () => {
    expect(new Set(plan(80, 3).map(({ stage }) => stage.name)).size).toBe(stages.length);
  });

  test('only the stage that is asked for', () => {
    expect(new Set(plan(10, 1, ['commit']).map(({ stage }) => stage.name))).toEqual(new Set(['commit']));
  });
});
