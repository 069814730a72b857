import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseBootName } from '../../build/contract/boot-entries.ts';
import { formatLedger } from '../../build/contract/boot-ledger.ts';
import { planSetState } from '../../build/contract/boot-plan.ts';
import {
  block,
  names,
  open,
  partitionPath,
  putLedger,
  putNames,
  readLedger,
  rootHashes,
  runShell,
  useScratchMachine,
} from './testing/scratch-machine.ts';

useScratchMachine();

describe('the ledger', () => {
  test('counts each start, and touches nothing else of the partition', () => {
    expect(runShell('a', 'count_start; echo $unclean $starts')).toEqual(['0 1']);
    expect(runShell('a', 'count_start; echo $unclean $starts')).toEqual(['1 2']);
    expect(readLedger('a')).toEqual(open(2));
    const bytes = readFileSync(partitionPath('a'));
    expect(bytes.length).toBe(4 * 4096);
    expect([bytes.subarray(0, block * 4096), bytes.subarray((block + 1) * 4096)].map(isUntouched)).toEqual([
      true,
      true,
    ]);
    expect(bytes.subarray(block * 4096, block * 4096 + 512).includes(0)).toBe(true);
  });

  test('the builder writes what the initramfs reads', () => {
    putLedger('a', formatLedger({ ...open(41), state: 'told', reason: 'a reason * $(x) "y"' }));
    expect(runShell('a', 'count_start; echo $starts "$reason"')).toEqual(['42 a reason * $(x) "y"']);
    expect(readLedger('a')).toEqual({ ...open(42), reason: 'a reason * $(x) "y"' });
  });

  const good = formatLedger(open(5));
  test.each([
    ['zeros', ''],
    ['one line', good.slice(0, good.length / 2)],
    ['a torn copy', good.replace(/5 open \n$/, '6 open \n')],
    ['another image', formatLedger({ ...open(5), rootHash: rootHashes.b })],
    ['another format', good.replaceAll('ledger 1', 'ledger 2')],
    ['a number that is none', good.replaceAll(' 5 ', ' x5 ')],
    ['an octal number', good.replaceAll(' 5 ', ' 08 ')],
    ['a command', good.replaceAll(' 5 ', ' $(reboot) ')],
    ['noise', '\u00ff\u0000*\n?'.repeat(100)],
  ])('%s counts as nothing', (_, text) => {
    putLedger('a', text);
    expect(runShell('a', 'count_start; echo $unclean $starts')).toEqual(['0 1']);
  });

  test('a disk that cannot be read or written does not keep a machine from starting', () => {
    rmSync(partitionPath('a'));
    mkdirSync(partitionPath('a'));
    expect(runShell('a', 'count_start; before_start; after_failure x; echo on')).toEqual([
      'said: the ledger of unclean boots cannot be written',
      'said: the ledger of unclean boots cannot be written',
      'on',
    ]);
    expect(runShell('a', 'disks=""; find_ledger() { false; }; count_start; before_start; echo on')).toEqual([
      'on',
    ]);
  });

  test.each([
    [3, 10],
    [4, 20],
    [5, 40],
    [9, 640],
    [10, 900],
    [4000, 900],
  ])('after %i starts the wait is %i seconds', (starts, seconds) => {
    putLedger('a', formatLedger(open(starts)));
    putNames(['a.efi']);
    const told = runShell('a', 'count_start; before_start; echo on');
    expect(told[0]).toContain(`Waiting ${seconds} seconds`);
    expect(told.at(-1)).toBe('on');
  });
});

describe('names', () => {
  const all = ['a.efi', 'A.EFI', 'a+3-0.efi', 'a+3.efi', 'a+0-12.efi', 'b.efi', 'b+0-0.efi'];
  const foreign = [
    'a.tmp',
    'a-0.old',
    'a+.efi',
    'a+x-1.efi',
    'a+1-.efi',
    'a+1-1-1.efi',
    'aa.efi',
    'a.efi.extra.d',
  ];

  test.each([...all, ...foreign])('%s is read as the builder reads it', (name) => {
    const parsed = parseBootName(name);
    const expected =
      parsed?.kind === 'entry' && parsed.slot === 'a'
        ? `${parsed.tries?.left ?? ''} ${parsed.tries?.done ?? 0}`
        : 'no';
    const command = `if parse_name a '${name}'; then echo "$name_left $name_tried"; else echo no; fi`;
    expect(runShell('a', command)).toEqual([expected]);
  });

  test.each([
    [['a.efi', 'b.efi']],
    [['a+2-1.efi', 'b.efi']],
    [['a+0-3.efi', 'b.efi']],
    [['a+0-0.efi', 'a.efi', 'b.efi']],
    [['a-0.old', 'a+0-0.efi', 'a+1-0.efi', 'a.efi', 'b.efi']],
  ])('demotion of %j is the builder’s', (before) => {
    putNames(before);
    runShell('a', 'demote a');
    const release = { imageId: 'demo', version: '1' };
    const files = before.map((name) => ({ name, sizeBytes: 1, release }));
    const after = new Set(before);
    for (const operation of planSetState({ files, running: 'a', slots: {} }, 'a', 'bad')) {
      if (operation.do !== 'rename') throw new Error('it is more than a rename');
      after.delete(operation.from);
      after.add(operation.to);
    }
    expect(names()).toEqual([...after].sort());
  });

  test('a name that is there is not replaced', () => {
    putNames(['a.efi', 'b.efi']);
    expect(runShell('a', 'rename a.efi b.efi || echo refused')).toEqual(['refused']);
    expect(names()).toEqual(['a.efi', 'b.efi']);
  });
});

function isUntouched(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 7);
}
