import { describe, expect, test } from '@jest/globals';
import { type BootSlot, chooseEntry, countedName, parseBootName } from '../../build/contract/boot-entries.ts';
import { formatLedger } from '../../build/contract/boot-ledger.ts';
import {
  names,
  open,
  putLedger,
  putNames,
  readLedger,
  rootHashes,
  runShell,
  useScratchMachine,
  versions,
} from './testing/scratch-machine.ts';

useScratchMachine();

describe('whose turn it is, after three starts', () => {
  test.each<[string, readonly string[], 'start' | 'failure', string, readonly string[]]>([
    ['there is a good one', ['a.efi', 'b.efi'], 'start', 'left', ['a+0-0.efi', 'b.efi']],
    ['there is one on trial', ['a.efi', 'b+3-0.efi'], 'start', 'left', ['a+0-0.efi', 'b+3-0.efi']],
    ['the other is bad', ['a.efi', 'b+0-3.efi'], 'start', 'left', ['a+0-0.efi', 'b+1-0.efi']],
    ['there is no other', ['a.efi'], 'start', 'alone', ['a.efi']],
    ['this one is on trial', ['a+2-1.efi', 'b.efi'], 'start', 'trial', ['a+2-1.efi', 'b.efi']],
    ['its trial is over', ['a+0-3.efi', 'b.efi'], 'failure', 'left', ['a+0-3.efi', 'b.efi']],
    ['a try that was granted', ['a+0-1.efi', 'b+0-0.efi'], 'start', 'turn', ['a+0-1.efi', 'b+0-0.efi']],
    ['and failed', ['a+0-1.efi', 'b+0-0.efi'], 'failure', 'left', ['a+0-1.efi', 'b+1-0.efi']],
    [
      'chosen for want of a better one',
      ['a+0-2.efi', 'b+0-0.efi'],
      'start',
      'left',
      ['a+0-2.efi', 'b+1-0.efi'],
    ],
  ])('%s', (_, before, moment, verdict, after) => {
    putNames(before);
    expect(runShell('a', `count_start; take_turns ${moment}`)).toEqual([verdict]);
    expect(names()).toEqual(after);
    expect(readLedger('a')?.state).toBe(verdict === 'left' ? 'left' : 'open');
  });

  test.each([
    ['empty', ''],
    ['no program', 'something else'],
  ])('another that is %s does not count', (_, content) => {
    putNames(['a.efi']);
    putNames(['b.efi'], content);
    expect(runShell('a', 'count_start; take_turns start')).toEqual(['alone']);
    expect(names()).toEqual(['a.efi', 'b.efi']);
  });

  test('an EFI system partition that cannot be mounted leaves the machine trying', () => {
    putLedger('a', formatLedger(open(3)));
    expect(runShell('a', 'open_esp() { false; }; count_start; before_start; echo on').at(-1)).toBe('on');
  });
});

/** How a start of a slot ends: `hang` also stands for a panic. */
type Fate = 'healthy' | 'refused' | 'hang';

/** Firmware, boot loader, initramfs and health gate, start by start, until one is healthy. */
function live(fates: (start: number) => Readonly<Record<BootSlot, Fate>>, limit: number): readonly string[] {
  const story: string[] = [];
  for (let start = 1; start <= limit; start++) {
    const files = names().map((name) => {
      const slot = parseBootName(name)?.slot;
      const release = slot && { imageId: 'demo', version: versions[slot] };
      return { name, sizeBytes: 1, ...(release && { release }) };
    });
    const entry = chooseEntry(files);
    if (entry === undefined) throw new Error(`nothing boots: ${names()}`);
    const counted = countedName(entry);
    if (counted !== undefined) runShell('a', `rename '${entry.name}' '${counted}'`);
    const { slot } = entry;
    const fate = fates(start)[slot];
    const failure = fate === 'refused' ? 'after_failure "it is rotten"' : ':';
    const told = runShell(slot, `count_start; before_start; echo ran; ${failure}`);
    const wait = /Waiting (\d+) seconds/.exec(told.join('\n'))?.[1];
    const isRun = told.includes('ran');
    story.push(`${slot}${isRun ? '' : ' passes'}${wait === undefined ? '' : ` ${wait}s`}`);
    if (isRun && fate === 'healthy') return [...story, 'up'];
  }
  return story;
}

describe('a life of starts', () => {
  const always = (a: Fate, b: Fate) => () => ({ a, b });

  test('a good slot rots where the boot needs it: left after three starts', () => {
    putNames(['a.efi', 'b.efi']);
    expect(live(always('healthy', 'refused'), 9)).toEqual(['b', 'b', 'b', 'a', 'up']);
    expect(names()).toEqual(['a.efi', 'b+0-0.efi']);
    expect(readLedger('b')).toMatchObject({ state: 'left', starts: 3, reason: 'it is rotten' });
  });

  test('it hangs: seen at the fourth start', () => {
    putNames(['a.efi', 'b.efi']);
    expect(live(always('healthy', 'hang'), 9)).toEqual(['b', 'b', 'b', 'b passes', 'a', 'up']);
  });

  test.each<Fate>(['hang', 'refused'])('a trial has its three boots and no more: %s', (fate) => {
    putNames(['a.efi', 'b+3-0.efi']);
    expect(live(always('healthy', fate), 9)).toEqual(['b', 'b', 'b', 'a', 'up']);
    expect(names()).toEqual(['a.efi', 'b+0-3.efi']);
  });

  test('the same image installed again has its whole trial', () => {
    putNames(['a.efi', 'b+3-0.efi']);
    putLedger('b', formatLedger({ ...open(7), rootHash: rootHashes.b, version: versions.b }));
    expect(live(always('healthy', 'hang'), 9)).toEqual(['b', 'b', 'b', 'a', 'up']);
  });

  test.each<Fate>(['hang', 'refused'])('both rot: in turn, with growing waits, for ever: %s', (fate) => {
    putNames(['a.efi', 'b.efi']);
    const story = live(always(fate, fate), 45);
    expect(story.slice(0, 3)).toEqual(['b', 'b', 'b']);
    const waits = (slot: string) =>
      story.flatMap((line) => (line.startsWith(slot) ? (/(\d+)s/.exec(line)?.[1] ?? []) : [])).map(Number);
    for (const slot of ['a', 'b']) {
      expect(waits(slot).length).toBeGreaterThan(5);
      expect(waits(slot)).toEqual([...waits(slot)].sort((one, other) => one - other));
      expect(waits(slot).at(-1)).toBe(900);
    }
  });

  test.each(['a', 'b'] as const)('both rot, and %s is repaired: it runs again', (slot) => {
    putNames(['a.efi', 'b.efi']);
    const fates = (start: number) => ({
      a: 'refused' as Fate,
      b: 'refused' as Fate,
      ...(start > 14 && { [slot]: 'healthy' }),
    });
    const story = live(fates, 20);
    expect(story.at(-1)).toBe('up');
    expect(story.at(-2)?.[0]).toBe(slot);
  });

  test('one alone: tried for ever, with growing waits', () => {
    putNames(['a.efi']);
    expect(live(always('hang', 'hang'), 7)).toEqual(['a', 'a', 'a', 'a 10s', 'a 20s', 'a 40s', 'a 80s']);
    expect(names()).toEqual(['a.efi']);
  });
});
