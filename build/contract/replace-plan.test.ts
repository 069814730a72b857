import { describe, expect, test } from '@jest/globals';
import { asideNames, type FoundFile, planReplace, type ReplaceOperation } from './replace-plan.ts';

const target = 'BOOTX64.EFI';
const lines = (operations: readonly ReplaceOperation[]) =>
  operations.map((operation) =>
    operation.do === 'write'
      ? `write ${operation.to}`
      : operation.do === 'rename'
        ? `${operation.from} -> ${operation.to}`
        : operation.do === 'exchange'
          ? `${operation.one} <-> ${operation.other}`
          : `remove ${operation.name}`,
  );
const file = (name: string, sha256?: string): FoundFile => ({
  name,
  sizeBytes: 9,
  ...(sha256 === undefined ? {} : { sha256 }),
});

test('names that no firmware looks at, in 8.3', () => {
  expect(asideNames(target).slice(0, 2)).toEqual(['BOOTX64.1', 'BOOTX64.2']);
  expect(asideNames('slot.addon.efi').at(-1)).toBe('slot.9');
});

test.each<[string, readonly FoundFile[], readonly string[]]>([
  ['as it should be', [file(target, 'new')], []],
  [
    'another one',
    [file(target, 'old')],
    ['write BOOTX64.1', 'BOOTX64.1 <-> BOOTX64.EFI', 'remove BOOTX64.1'],
  ],
  ['FAT does not tell cases', [file('bootx64.efi', 'new')], []],
  ['missing', [], ['write BOOTX64.1', 'BOOTX64.1 -> BOOTX64.EFI']],
  ['unreadable', [file(target)], ['remove BOOTX64.EFI', 'write BOOTX64.1', 'BOOTX64.1 -> BOOTX64.EFI']],
  ['a leftover of another content', [file(target, 'new'), file('BOOTX64.1', 'old')], ['remove BOOTX64.1']],
  [
    'a leftover that may be the same file',
    [file(target, 'new'), file('BOOTX64.1', 'new')],
    ['write BOOTX64.2', 'BOOTX64.2 <-> BOOTX64.EFI', 'remove BOOTX64.2', 'remove BOOTX64.1'],
  ],
])('%s', (_, files, expected) => {
  expect(lines(planReplace(target, 'new', files))).toEqual(expected);
});

test('as many doubtful leftovers as names', () => {
  const files = [target, ...asideNames(target)].map((name) => file(name, 'old'));
  expect(() => planReplace(target, 'new', files)).toThrow('there are too many leftovers beside BOOTX64.EFI');
});

/** Clusters with what was written to them; names may share them. `undefined`: an empty file. */
interface Chain {
  readonly id: number;
  readonly content: string;
}
interface State {
  readonly names: Readonly<Record<string, Chain | undefined>>;
  readonly freed: readonly number[];
}

let nextId = 1;
const chain = (content: string): Chain => ({ id: nextId++, content });

const contentOf = ({ names, freed }: State, name: string): string | undefined => {
  const found = names[name];
  return found === undefined || freed.includes(found.id) ? undefined : found.content;
};

function list(state: State): readonly FoundFile[] {
  return Object.keys(state.names).map((name) => {
    if (state.names[name] === undefined) return { name, sizeBytes: 0, sha256: 'nothing' };
    return file(name, contentOf(state, name));
  });
}

/** What a power cut within the operation may leave, the finished one last. */
function statesOf(state: State, operation: ReplaceOperation): readonly State[] {
  const { names, freed } = state;
  switch (operation.do) {
    case 'write': {
      if (operation.to in names) throw new Error(`${operation.to} is written over`);
      const with_ = (written: Chain | undefined) => ({ names: { ...names, [operation.to]: written }, freed });
      return [state, with_(undefined), with_(chain('a part')), with_(chain('new'))];
    }
    case 'rename': {
      if (operation.to in names) throw new Error(`${operation.to} is replaced`);
      const { [operation.from]: moved, ...rest } = names;
      return [
        state,
        { names: { ...names, [operation.to]: undefined }, freed },
        { names: { ...names, [operation.to]: moved }, freed },
        { names: { ...rest, [operation.to]: moved }, freed },
      ];
    }
    case 'exchange': {
      const { one, other } = operation;
      const [first, second] = [names[one], names[other]];
      return [
        state,
        { names: { ...names, [one]: second }, freed },
        { names: { ...names, [other]: first }, freed },
        { names: { ...names, [one]: second, [other]: first }, freed },
      ];
    }
    case 'remove': {
      const { [operation.name]: removed, ...rest } = names;
      const after = removed === undefined ? freed : [...freed, removed.id];
      return [state, { names, freed: after }, { names: rest, freed: after }];
    }
  }
}

function run(start: State): { readonly end: State; readonly cuts: readonly State[] } {
  let end = start;
  const cuts: State[] = [];
  for (const operation of planReplace(target, 'new', list(start))) {
    const states = statesOf(end, operation);
    cuts.push(...states);
    end = states.at(-1) as State;
  }
  return { end, cuts };
}

describe('power cuts', () => {
  const aside = asideNames(target);

  function* starts(): Generator<State> {
    const present = [chain('new'), chain('old')];
    for (const at of [...present, 'unreadable', 'empty', 'missing'] as const) {
      const own = typeof at === 'string' ? undefined : at;
      const lost = chain('lost');
      const base = at === 'missing' ? {} : { [target]: at === 'unreadable' ? lost : own };
      const leftovers: readonly (Chain | undefined | null)[] = [
        null,
        undefined,
        ...(own === undefined ? [] : [own]),
        chain('new'),
        chain('old'),
        chain('a part'),
        lost,
      ];
      for (const first of leftovers)
        for (const second of leftovers)
          yield {
            names: {
              ...base,
              ...(first === null ? {} : { [aside[0] as string]: first }),
              ...(second === null ? {} : { [aside[2] as string]: second }),
            },
            freed: [lost.id],
          };
    }
  }

  test('at every moment the name stands for the old file or the new one; twice cut off, it can still be done', () => {
    let count = 0;
    for (const start of starts()) {
      const before = contentOf(start, target);
      const check = (state: State) => {
        count++;
        if (before !== undefined) expect([before, 'new']).toContain(contentOf(state, target));
      };
      const { end, cuts } = run(start);
      expect([Object.keys(end.names), contentOf(end, target)]).toEqual([[target], 'new']);
      for (const cut of cuts) {
        check(cut);
        const again = run(cut);
        for (const state of again.cuts) {
          check(state);
          expect(contentOf(run(state).end, target)).toBe('new');
        }
        expect([Object.keys(again.end.names), contentOf(again.end, target)]).toEqual([[target], 'new']);
      }
    }
    expect(count).toBeGreaterThan(5000);
  });
});
