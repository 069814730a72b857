import { expect, test } from '@jest/globals';
import type { BenchMachine } from './bench-machine.ts';
import { measureBoots } from './measure-boots.ts';

const facts = { usedBytes: [1], processes: ['init'], ports: ['tcp 22'], setUidFiles: [] };

/** A machine whose boots take these seconds; it notes what is done to it. */
function machine(name: string, seconds: (number | Error)[], notes: string[]): BenchMachine {
  return {
    boot: async () => {
      notes.push(`${name} boots`);
      const next = seconds.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('one boot too many');
      return { sshSeconds: next };
    },
    facts: async () => {
      notes.push(`${name} is looked at`);
      return facts;
    },
    switchOff: async () => {
      notes.push(`${name} is switched off`);
    },
    dispose: async () => {
      notes.push(`${name} is gone`);
    },
  };
}

test('machines take turns; the first boot is apart, the last is looked at; one that fails leaves', async () => {
  const notes: string[] = [];
  const told: string[] = [];
  const machines = [
    { name: 'one', machine: machine('one', [9, 5, 6], notes) },
    { name: 'two', machine: machine('two', [8, new Error('it hung')], notes) },
  ];
  const { signal } = new AbortController();
  const outcomes = await measureBoots(machines, 2, (line) => told.push(line), signal);
  expect(notes).toEqual([
    'one boots',
    'one is switched off',
    'two boots',
    'two is switched off',
    'one boots',
    'one is switched off',
    'two boots',
    'two is gone',
    'one boots',
    'one is looked at',
    'one is switched off',
  ]);
  expect(outcomes.get('one')).toEqual({
    first: { sshSeconds: 9 },
    later: [{ sshSeconds: 5 }, { sshSeconds: 6 }],
    facts,
  });
  expect(outcomes.get('two')).toEqual({ obstacle: 'it hung' });
  expect(told).toContain('one: boot 2 of 2: SSH after 6.0 s');
});

test('an interruption is no fault of a machine, and ends it all', async () => {
  const stop = new AbortController();
  const notes: string[] = [];
  const one = machine('one', [9], notes);
  const boot = async () => {
    stop.abort(new Error('stopped'));
    throw new Error('its power went');
  };
  const machines = [
    { name: 'one', machine: { ...one, boot } },
    { name: 'two', machine: machine('two', [9], notes) },
  ];
  await expect(measureBoots(machines, 1, () => undefined, stop.signal)).rejects.toThrow('stopped');
  expect(notes).toEqual([]);
});
