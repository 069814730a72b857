import { expect, test } from '@jest/globals';
import { makeTable } from '../testing/fake-disk.ts';
import { planPartition } from './plan-partition.ts';

const mebibyte = 1024 * 1024;

/** What is planned, sizes and places in MiB. */
function plan(partitions: string, diskMebibytes: number, reserveMebibytes?: number, sectorBytes = 512) {
  const geometry = { sectorBytes, sectors: (diskMebibytes * mebibyte) / sectorBytes };
  const reserveBytes = reserveMebibytes === undefined ? undefined : reserveMebibytes * mebibyte;
  const planned = planPartition(makeTable(partitions, geometry), geometry, reserveBytes);
  const toMebibytes = (sectors: number) => (sectors * sectorBytes) / mebibyte;
  return 'sizeSectors' in planned
    ? `${planned.kind} ${toMebibytes(planned.sizeSectors)}@${toMebibytes(planned.startSector)}`
    : `${planned.kind}${'reason' in planned ? `: ${planned.reason}` : ''}`;
}

const noRoom = 'none: no partition is labelled state, and the disk has no room for one';

test.each<[string, string, number, number | undefined, string]>([
  ['as it was built', 'root-a=10 root-b=10 state=64', 106, undefined, 'keep'],
  ['less than 1 MiB to gain', 'root-a=10 root-b=10 state=64', 107, 20.5, 'keep'],
  ['disk grown', 'root-a=10 root-b=10 state=64', 1024, undefined, 'grow 982@21'],
  ['disk grown, with a reserve of its own', 'root-a=10 root-b=10 state=64', 1024, 100, 'grow 902@21'],
  ['disk grown, without a reserve', 'root-a=10 root-b=10 state=64', 1024, 0, 'grow 1002@21'],
  ['disk grown by less than the reserve', 'root-a=10 root-b=10 state=64', 96, undefined, 'keep'],
  ['disk shrunk', 'root-a=100 state=64', 120, undefined, 'keep'],
  ['a slot moved into the reserve', 'root-a=10 state=64 root-b=20', 1024, undefined, 'keep'],
  ['a slot moved, before it', 'root-b=30@100 root-a=10@1 state=64@150', 400, undefined, 'grow 189@150'],
  ['none, with room', 'root-a=10 root-b=10', 200, undefined, 'add 158@21'],
  ['none, with room between others', 'root-a=10 root-b=20@120', 200, undefined, 'add 109@11'],
  ['none, and room in the reserve only', 'root-a=50 root-b=50', 130, undefined, 'add 28@101'],
  ['none, without room', 'root-a=100', 110, undefined, noRoom],
])('%s', (_name, partitions, disk, reserve, expected) => {
  expect(plan(partitions, disk, reserve)).toBe(expected);
});

test('sectors of 4 KiB', () => {
  expect(plan('root-a=100 state=64', 1024, undefined, 4096)).toBe('grow 722@101');
});
