import { describe, expect, test } from '@jest/globals';
import type { Span } from '../../events/span.ts';
import { makeTrace, type TimedSpan } from './trace-events.ts';

const span = (title: string, within?: Span): Span => ({
  kind: 'step',
  title,
  ...(within === undefined ? {} : { within }),
});
const timed = (each: Span, startMs: number, endMs: number): TimedSpan => ({
  span: each,
  startMs,
  endMs,
  facts: {},
});

/** `0 build 0+10000`: lane, title, start and duration in microseconds. */
const lines = (spans: readonly TimedSpan[]): string[] =>
  makeTrace('a build', spans)
    .traceEvents.filter(({ ph }) => ph === 'X')
    .map(({ tid, name, ts, dur }) => `${tid} ${name} ${ts}+${dur}`);

describe('lanes of a trace', () => {
  const build = span('build');
  const one = span('one', build);
  const other = span('other', build);

  test('one after the other: all in one lane', () => {
    expect(lines([timed(one, 1, 4), timed(other, 4, 9), timed(build, 0, 10)])).toEqual([
      '0 build 0+10000',
      '0 one 1000+3000',
      '0 other 4000+5000',
    ]);
  });

  test('side by side: a lane for each, with what is part of it', () => {
    const tool = span('tool of other', other);
    const later = span('later', build);
    expect(
      lines([
        timed(build, 0, 10),
        timed(one, 1, 6),
        timed(other, 2, 5),
        timed(tool, 3, 4),
        timed(later, 7, 8),
      ]),
    ).toEqual([
      '0 build 0+10000',
      '0 one 1000+5000',
      '1 other 2000+3000',
      '1 tool of other 3000+1000',
      '0 later 7000+1000',
    ]);
  });

  test('what outlives what it is a part of, as after a failure, does not reach out of it', () => {
    expect(lines([timed(build, 0, 5), timed(one, 1, 8)])).toEqual(['0 build 0+5000', '1 one 1000+7000']);
  });

  test('both begin at once: the outer one comes first', () => {
    expect(lines([timed(one, 0, 2), timed(build, 0, 3)])).toEqual(['0 build 0+3000', '0 one 0+2000']);
  });

  test('process and lanes have names', () => {
    const { traceEvents } = makeTrace('a build', [timed(build, 0, 5), timed(one, 1, 8)]);
    expect(traceEvents.filter(({ ph }) => ph === 'M')).toEqual([
      { name: 'process_name', ph: 'M', pid: 1, tid: 0, args: { name: 'a build' } },
      { name: 'thread_name', ph: 'M', pid: 1, tid: 0, args: { name: 'lane 1' } },
      { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: 'lane 2' } },
    ]);
  });
});
