import { expect, test } from '@jest/globals';
import { isTrialSpent } from './cut-machine.ts';

const versions = { oldVersion: '1', newVersion: '2' };
const boots = (...names: readonly string[]) =>
  names.map((name) => ({ boots: { name, version: name.startsWith('a') ? '1' : '2' } }));

test.each<[string, readonly string[], boolean]>([
  ['every boot of the version on trial was lost', ['b+2-1.efi', 'b+1-2.efi', 'a.efi'], true],
  ['it was left before all of them were lost', ['b+2-1.efi', 'a.efi'], false],
  ['it has one more', ['b+2-1.efi', 'b+1-2.efi'], false],
  ['it never came to a trial', ['a.efi', 'a.efi'], false],
  ['it was kept', ['b+2-1.efi', 'b.efi'], false],
])('%s', (_, names, isSpent) => {
  expect(isTrialSpent(versions, boots(...names) as Parameters<typeof isTrialSpent>[1])).toBe(isSpent);
});
