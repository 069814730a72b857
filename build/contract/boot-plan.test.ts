// Long because every operation is tried from every state, over one model of the folder.
import { describe, expect, test } from '@jest/globals';
import {
  boot,
  cutsOf,
  examine,
  finish,
  folderOf,
  listFiles,
  type MachineState,
  makeChain,
} from '../testing/boot-folder-model.ts';
import { type BootSlot, chooseEntry, trialBoots } from './boot-entries.ts';
import {
  type BootFolder,
  type BootOperation,
  getPrimary,
  getState,
  otherSlot,
  planCollect,
  planRepair,
  planRepairOther,
  planSetPrimary,
  planSetState,
} from './boot-plan.ts';

const release = (version: string) => ({ imageId: 'demo', version });
const file = (name: string, version = '2026.11.1') => ({ name, sizeBytes: 9, release: release(version) });
const empty = (name: string) => ({ name, sizeBytes: 0 });
const folder = (...files: BootFolder['files']): BootFolder => ({
  files,
  running: 'a',
  slots: { a: release('2026.11.1'), b: release('2026.11.2') },
});
const lines = (operations: readonly BootOperation[]) =>
  operations.map((operation) =>
    operation.do === 'write'
      ? `write ${operation.to}`
      : operation.do === 'rename'
        ? `${operation.from} -> ${operation.to}`
        : operation.do === 'exchange'
          ? `${operation.one} <-> ${operation.other}`
          : `remove ${operation.name}`,
  );

describe('what RAUC asks for', () => {
  test.each<[string, BootFolder, string, string]>([
    ['good', folder(file('a.efi')), 'good', 'bad'],
    ['on trial', folder(file('a+1-2.efi')), 'good', 'bad'],
    ['no tries left', folder(file('a+0-3.efi'), file('b.efi')), 'bad', 'good'],
    ['empty', folder(empty('a.efi'), file('b+3-0.efi')), 'bad', 'good'],
    ['empty, and the old name', folder(empty('a.efi'), file('a+2-1.efi')), 'good', 'bad'],
    ['not finished', folder(file('a.efi'), file('b.tmp')), 'good', 'bad'],
  ])('state: %s', (_, given, a, b) => {
    expect([getState(given, 'a'), getState(given, 'b')]).toEqual([a, b]);
  });

  test('primary: what the boot loader takes', () => {
    expect(getPrimary(folder(file('a.efi'), file('b+3-0.efi', '2026.11.2')))).toBe('b');
    expect(getPrimary(folder(file('a.efi'), file('b+0-3.efi', '2026.11.2')))).toBe('a');
    expect(getPrimary(folder())).toBeUndefined();
  });

  test.each<[string, readonly BootOperation[], readonly string[]]>([
    [
      'the other slot is about to be written',
      planSetState(folder(file('a.efi'), file('b.efi')), 'b', 'bad'),
      ['b.efi -> b-0.old', 'remove b-0.old'],
    ],
    [
      '… and the running one has lost its entry',
      planSetState(folder(file('b.efi')), 'b', 'bad'),
      ['write a.tmp', 'a.tmp -> a.efi', 'b.efi -> b-0.old', 'remove b-0.old'],
    ],
    [
      '… and names share clusters: none is given back before all are out of sight',
      planSetState(folder(file('a.efi'), file('b.efi'), file('b+2-1.efi'), file('b.tmp')), 'b', 'bad'),
      ['b.efi -> b-0.old', 'b+2-1.efi -> b-1.old', 'remove b-0.old', 'remove b-1.old', 'remove b.tmp'],
    ],
    [
      'a newer slot was written',
      planSetPrimary(folder(file('a.efi')), 'b'),
      ['write b.tmp', 'b.tmp -> b+3-0.efi'],
    ],
    [
      'an older slot was written',
      planSetPrimary(
        { ...folder(file('a.efi')), slots: { a: release('2026.11.1'), b: release('2026.10.9') } },
        'b',
      ),
      ['write b.tmp', 'b.tmp -> b+3-0.efi', 'a.efi -> a+0-0.efi'],
    ],
    [
      'the running slot was demoted once',
      planSetPrimary(folder(file('a+0-1.efi')), 'b'),
      ['a+0-1.efi -> a.efi', 'write b.tmp', 'b.tmp -> b+3-0.efi'],
    ],
    [
      'the trial was good',
      planSetState(folder(file('a+2-1.efi'), file('b.efi')), 'a', 'good'),
      ['a+2-1.efi -> a.efi'],
    ],
    ['it was good already', planSetState(folder(file('a.efi'), file('b.efi')), 'a', 'good'), []],
    [
      'good, after a rename that was cut off',
      planSetState(folder(empty('a.efi'), file('a+2-1.efi')), 'a', 'good'),
      ['remove a.efi', 'a+2-1.efi -> a.efi'],
    ],
    ['good, with both names', planSetState(folder(file('a.efi'), file('a+2-1.efi')), 'a', 'good'), []],
    [
      'the running slot is bad',
      planSetState(folder(file('a+2-1.efi'), file('b.efi')), 'a', 'bad'),
      ['a+2-1.efi -> a+0-1.efi'],
    ],
    [
      'collect',
      planCollect(folder(file('a.efi'), file('a.tmp'), empty('b.efi'), file('b.tmp'), empty('a-0.old'))),
      ['remove b.efi', 'remove a-0.old', 'remove b.tmp'],
    ],
    ['repair', planRepair(folder(file('a.tmp'))), ['remove a.tmp', 'write a.tmp', 'a.tmp -> a.efi']],
  ])('%s', (_, operations, expected) => {
    expect(lines(operations)).toEqual(expected);
  });

  test('nothing is done that would leave nothing to boot', () => {
    expect(() => planSetState({ ...folder(file('b.efi')), slots: {} }, 'b', 'bad')).toThrow(
      'slot a holds no whole unified kernel image',
    );
    expect(planRepair({ ...folder(file('b.efi')), slots: {} })).toEqual([]);
    const crowd = Array.from({ length: 10 }, (_, number) => file(`b-${number}.old`));
    expect(() => planSetState(folder(file('a.efi'), file('b.efi'), ...crowd), 'b', 'bad')).toThrow(
      'there are too many files of slot b put aside',
    );
  });
});

/** Everything that the folder may look like while `running` runs, with a root in the other slot of any age or none. */
function* startStates(running: BootSlot): Generator<MachineState> {
  const other = otherSlot(running);
  const own = '2026.11.5';
  for (const otherVersion of ['2026.11.4', '2026.11.5', '2026.11.6', undefined]) {
    const mine = makeChain(running, own);
    const others = otherVersion === undefined ? undefined : makeChain(other, otherVersion);
    const partial = makeChain(other, '2026.11.9', false);
    const mines = [
      { [`${running}.efi`]: mine },
      { [`${running}+2-1.efi`]: mine },
      { [`${running}+0-1.efi`]: mine },
      { [`${running}.efi`]: mine, [`${running}+2-1.efi`]: mine },
      { [`${running}+2-1.efi`]: mine, [`${running}.efi`]: undefined },
      { [`${running}.efi`]: mine, [`${running}.tmp`]: mine },
      { [`${running}+0-2.efi`]: mine, [`${running}-0.old`]: mine },
    ];
    const theirs: MachineState['folder']['names'][] = [
      {},
      { [`${other}.tmp`]: partial },
      { [`${other}.tmp`]: undefined },
      { [`${other}.efi`]: undefined },
    ];
    if (others !== undefined) {
      theirs.push(
        { [`${other}.efi`]: others },
        { [`${other}+3-0.efi`]: others },
        { [`${other}+0-3.efi`]: others },
        { [`${other}.efi`]: others, [`${other}+1-2.efi`]: others },
        { [`${other}+3-0.efi`]: others, [`${other}.tmp`]: others },
        { [`${other}.efi`]: others, [`${other}-0.old`]: others },
        { [`${other}-0.old`]: others, [`${other}.tmp`]: partial },
      );
    }
    const roots = { [running]: own, [other]: otherVersion } as MachineState['roots'];
    for (const mineNames of mines)
      for (const theirNames of theirs)
        yield { folder: { names: { ...mineNames, ...theirNames }, freed: [] }, roots };
  }
}

/** The plans of an installation, with what RAUC does to the slot before each. */
const install = (version: string) =>
  [
    {
      before: (state: MachineState, _target: BootSlot) => state,
      plan: (given: BootFolder, target: BootSlot) => planSetState(given, target, 'bad'),
    },
    {
      before: (state: MachineState, target: BootSlot) => ({
        ...state,
        roots: { ...state.roots, [target]: version },
      }),
      plan: (given: BootFolder, target: BootSlot) => planSetPrimary(given, target),
    },
  ] as const;

function expectBoot(state: MachineState) {
  const outcome = boot(state);
  if (outcome.kind === 'stuck')
    throw new Error(`${outcome.reason}: ${Object.keys(state.folder.names).join(' ')}`);
  return outcome;
}

describe.each(['a', 'b'] as const)('power cuts while slot %s runs', (running) => {
  const target = otherSlot(running);
  const versions = ['2026.11.4', '2026.11.5', '2026.11.6'];

  test('wherever an installation is cut off, something boots; after a second cut too; and it can be done again', () => {
    let count = 0;
    for (const version of versions)
      for (const start of startStates(running))
        for (const [index, { before, plan }] of install(version).entries()) {
          const prepared =
            index === 0
              ? start
              : before(finish(start, planSetState(folderOf(start, running), target, 'bad')), target);
          for (const cut of cutsOf(prepared, plan(folderOf(prepared, running), target))) {
            count++;
            const { slot, after } = expectBoot(cut);
            // What a boot does first, itself cut off, and then the installation into the slot that does not run.
            for (const again of cutsOf(after, planRepair(folderOf(after, slot)))) expectBoot(again);
            const repaired = finish(after, planRepair(folderOf(after, slot)));
            expectBoot(repaired);
            const emptied = finish(repaired, planSetState(folderOf(repaired, slot), otherSlot(slot), 'bad'));
            const torn = { ...emptied, roots: { ...emptied.roots, [otherSlot(slot)]: undefined } };
            expect(expectBoot(torn).slot).toBe(slot);
            const written = { ...torn, roots: { ...torn.roots, [otherSlot(slot)]: '2026.12.0' } };
            const done = finish(written, planSetPrimary(folderOf(written, slot), otherSlot(slot)));
            expect(expectBoot(done).version).toBe('2026.12.0');
          }
        }
    expect(count).toBeGreaterThan(1000);
  });

  test('what was installed is tried, and when its boots fail the slot that ran before is back', () => {
    for (const version of versions)
      for (const start of startStates(running)) {
        const emptied = finish(start, planSetState(folderOf(start, running), target, 'bad'));
        const written = { ...emptied, roots: { ...emptied.roots, [target]: version } };
        let state = finish(written, planSetPrimary(folderOf(written, running), target));
        for (let number = 0; number < trialBoots; number++) {
          const tried = expectBoot(state);
          expect(tried.slot).toBe(target);
          state = tried.after;
        }
        expect(expectBoot(state).slot).toBe(running);
      }
  });

  test('what is good stays, wherever saying so is cut off', () => {
    for (const start of startStates(running)) {
      for (const cut of cutsOf(start, planSetState(folderOf(start, running), running, 'good')))
        expectBoot(cut);
      const good = finish(start, planSetState(folderOf(start, running), running, 'good'));
      expect(getState({ files: listFiles(good) }, running)).toBe('good');
      expect(good.folder.names[`${running}.efi`]).toBeDefined();
    }
  });

  test('a running slot that is bad gives way to one that is not', () => {
    for (const start of startStates(running)) {
      const isOtherGood = getState({ files: listFiles(start) }, target) === 'good';
      for (const cut of cutsOf(start, planSetState(folderOf(start, running), running, 'bad')))
        expectBoot(cut);
      const bad = finish(start, planSetState(folderOf(start, running), running, 'bad'));
      if (isOtherGood) expect(chooseEntry(listFiles(bad))?.slot).toBe(target);
    }
  });

  test('a lost entry is written again', () => {
    const start: MachineState = {
      folder: { names: {}, freed: [] },
      roots: { a: '2026.11.1', b: '2026.11.1' },
    };
    const repaired = finish(start, planRepair(folderOf(start, running)));
    expect(Object.keys(repaired.folder.names)).toEqual([`${running}.efi`]);
  });
});

describe.each(['a', 'b'] as const)('files that are not what slot %s or the other one holds', (running) => {
  const other = otherSlot(running);
  const roots = { a: '2026.11.4', b: '2026.11.4', [running]: '2026.11.5' } as MachineState['roots'];
  const right = (slot: BootSlot) => makeChain(slot, roots[slot] as string);
  const rotten = (slot: BootSlot) => makeChain(slot, roots[slot] as string, false);

  /** Every damage to the names that a slot may have, with leftovers that may share clusters. */
  function* damages(slot: BootSlot): Generator<MachineState['folder']> {
    for (const chain of [right(slot), rotten(slot)])
      for (const name of [`${slot}.efi`, `${slot}+2-1.efi`, `${slot}+0-3.efi`]) {
        yield { names: { [name]: chain }, freed: [] };
        yield { names: { [name]: chain }, freed: [chain.id] };
        yield { names: { [name]: chain, [`${slot}.tmp`]: chain }, freed: [] };
        yield { names: { [name]: chain, [`${slot}.tmp`]: chain }, freed: [chain.id] };
        yield { names: { [name]: chain, [`${slot}.tmp`]: right(slot) }, freed: [] };
        yield {
          names: { [name]: chain, [`${slot}-0.old`]: rotten(slot), [`${slot}.tmp`]: chain },
          freed: [],
        };
        yield { names: { [name]: chain, [`${slot}+1-2.efi`]: right(slot) }, freed: [] };
        yield { names: { [name]: chain, [`${slot}+1-2.efi`]: rotten(slot) }, freed: [] };
      }
  }

  function* starts(): Generator<MachineState> {
    for (const mine of damages(running))
      for (const theirs of damages(other))
        yield {
          folder: { names: { ...theirs.names, ...mine.names }, freed: [...mine.freed, ...theirs.freed] },
          roots,
        };
    for (const theirs of damages(other)) yield { folder: theirs, roots };
  }

  const isRight = (state: MachineState) =>
    listFiles(state, roots).every(
      ({ name, content }) => !name.endsWith('.efi') || content === undefined || content === 'right',
    );
  const repair = (state: MachineState) => {
    const first = finish(state, planRepair(examine(state, running)));
    return finish(first, planRepairOther(examine(first, running), false));
  };

  test('are made right, and wherever that is cut off, at the next attempt', () => {
    let count = 0;
    for (const start of starts()) {
      const repaired = repair(start);
      expect([isRight(repaired), Object.keys(start.folder.names)]).toEqual([
        true,
        Object.keys(start.folder.names),
      ]);
      expect(Object.keys(repaired.folder.names).some((name) => name.startsWith(running))).toBe(true);
      for (const cut of cutsOf(start, planRepair(examine(start, running)))) {
        count++;
        if (boot(start).kind === 'booted') expectBoot(cut);
        expect(isRight(repair(cut))).toBe(true);
      }
      const mended = finish(start, planRepair(examine(start, running)));
      for (const cut of cutsOf(mended, planRepairOther(examine(mended, running), false))) {
        count++;
        expect(isRight(repair(cut))).toBe(true);
      }
    }
    expect(count).toBeGreaterThan(1000);
  });

  test('on a new file system both slots have their entry again, and the running one is next', () => {
    for (const otherVersion of ['2026.11.4', '2026.11.5', '2026.11.6']) {
      const start = { folder: { names: {}, freed: [] }, roots: { ...roots, [other]: otherVersion } };
      const first = finish(start, planRepair(examine(start, running)));
      const done = finish(first, planRepairOther(examine(first, running), true));
      expect(expectBoot(done).slot).toBe(running);
      expect(
        Object.keys(done.folder.names)
          .map((name) => name[0])
          .sort(),
      ).toEqual(['a', 'b']);
    }
  });
});
