import { describe, expect, test } from '@jest/globals';
import { KeelsonError } from '../../errors/keelson-error.ts';
import type { BuildEvent } from '../../events/build-event.ts';
import { countSteps } from '../stages.ts';
import { jsonListener } from './json-listener.ts';
import { plainListener } from './plain-listener.ts';

const events: readonly BuildEvent[] = [
  { type: 'stage-started', stage: 'packages' },
  { type: 'progress', stage: 'packages', doneBytes: 0, totalBytes: 2048, what: 'packages' },
  { type: 'progress', stage: 'packages', doneBytes: 100, totalBytes: 2048, what: 'packages' },
  { type: 'progress', stage: 'packages', doneBytes: 2048, totalBytes: 2048, what: 'packages' },
  { type: 'step-finished', title: 'index crun', id: 'ab', isCached: false, seconds: 0.25 },
  { type: 'step-finished', title: 'index finit', id: 'cd', isCached: true, seconds: 0 },
  { type: 'stage-finished', stage: 'packages', isCached: false, seconds: 1.5 },
  { type: 'warning', message: 'the mirror is slow', hint: 'give another' },
];
const spans: readonly BuildEvent[] = [
  { type: 'span-started', span: { kind: 'tool', title: 'mkfs.erofs' } },
  { type: 'span-finished', span: { kind: 'tool', title: 'mkfs.erofs' }, facts: {} },
];

describe('listeners of one stream of events', () => {
  test('the plain log: a line for each thing that ran, progress only now and then', () => {
    const lines: string[] = [];
    [...events, ...spans].forEach(plainListener((line) => lines.push(line)));
    expect(lines).toEqual([
      'Fetch and open packages …',
      '  packages: 0 B of 2.0 KiB',
      '  packages: 2.0 KiB of 2.0 KiB',
      '  index crun (0.3 s)',
      'Fetch and open packages: done (1.5 s)',
      'warning: the mirror is slow',
      '  hint: give another',
    ]);
  });

  test('JSON: every event but spans on one line, faults with their code', () => {
    const lines: string[] = [];
    const listen = jsonListener((line) => lines.push(line));
    [...events, ...spans].forEach(listen);
    listen({
      type: 'fault',
      error: new KeelsonError({ code: 'RECIPE_UNKNOWN', class: 'input', message: 'Cannot find recipe x' }),
    });
    expect(lines.every((line) => !line.includes('\n'))).toBe(true);
    expect(lines.map((line) => JSON.parse(line).type)).toEqual([
      ...events.map((event) => event.type),
      'fault',
    ]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ code: 'RECIPE_UNKNOWN' });
  });

  test('steps are counted on their way', () => {
    const steps = countSteps(() => {});
    events.forEach(steps.emit);
    expect(steps.counts()).toEqual({ cached: 1, ran: 1 });
  });
});
