import { describe, expect, test } from '@jest/globals';
import { listPartitions, movePartition } from '../../../build/contract/partition-table.ts';
import { makeTable } from '../testing/fake-disk.ts';
import { planRelocation } from './plan-relocation.ts';

const mebibyte = 1024 * 1024;

/** Of slot b, which is the third partition unless said otherwise; sizes and places in MiB. */
function plan(partitions: string, diskMebibytes: number, imageMebibytes: number, headRoom = 2, number = 3) {
  const geometry = { sectorBytes: 512, sectors: diskMebibytes * 2048 };
  const table = makeTable(partitions, geometry);
  const planned = planRelocation(table, geometry, number, imageMebibytes * mebibyte, headRoom);
  if (planned.kind === 'move') {
    return `${planned.place.sizeSectors / 2048}@${planned.place.startSector / 2048}`;
  }
  return planned.kind === 'fits' ? 'fits' : `too large: ${planned.largestBytes / mebibyte}`;
}

const built = 'esp=4 root-a=10 root-b=10 state=20';

describe('a slot that an image outgrew', () => {
  test.each<[string, string, number, number, string]>([
    ['stays when it is large enough', built, 100, 9, 'fits'],
    ['is too small when the image reaches its last block', built, 100, 10, '20@45'],
    ['moves behind the state, with head-room', built, 100, 15, '30@45'],
    ['takes all of the reserve when that is less than the head-room', built, 100, 30, '54@45'],
    ['takes all of the reserve when the image needs it', built, 100, 53, '54@45'],
    ['is refused when nothing is large enough', built, 100, 54, 'too large: 54'],
    ['is refused without a reserve', built, 46, 12, 'too large: 10'],
    ['grows where it is when the place behind it is free', 'esp=4 root-a=10 root-b=10', 100, 15, '30@15'],
    ['grows in both directions when it must', 'esp=4 root-a=10@60 root-b=10@20 state=20@40', 70, 30, '35@5'],
    [
      'prefers the smallest hole that will do',
      'esp=4 root-a=10@100 root-b=10@5 state=10@15 other=1@60',
      400,
      14,
      '28@25',
    ],
  ])('%s', (_name, partitions, disk, image, expected) => {
    expect(plan(partitions, disk, image)).toBe(expected);
  });

  test('the other slot grows into the place that the first one left', () => {
    expect(plan('esp=4 root-a=10 root-b=30@45 state=20@25', 100, 10, 2, 2)).toBe('20@5');
    expect(plan('esp=4 root-a=10 root-b=54@45 state=20@25', 100, 15, 2, 2)).toBe('20@5');
  });

  test('without head-room it gets what it needs, in whole MiB', () => {
    expect(plan(built, 100, 15, 1)).toBe('16@45');
  });
});

test('whatever the disk looks like, the place is free, aligned and large enough, or there is none', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = randomFrom(seed);
    const under = (limit: number) => Math.floor(random() * limit);
    const sectorBytes = random() < 0.5 ? 512 : 4096;
    const diskMebibytes = 64 + under(500);
    const geometry = { sectorBytes, sectors: (diskMebibytes * mebibyte) / sectorBytes };
    const layout: string[] = [];
    for (let at = 1 + under(10); at < diskMebibytes - 50 && layout.length < 8; ) {
      const size = 1 + under(40);
      layout.push(`p${layout.length}=${size}@${at}`);
      at += size + (random() < 0.5 ? 0 : under(60));
    }
    const table = makeTable(layout.join(' '), geometry);
    const number = 1 + under(layout.length);
    const imageBytes = 4096 * (1 + under((80 * mebibyte) / 4096));
    const headRoom = 1 + random() * 2;
    const planned = planRelocation(table, geometry, number, imageBytes, headRoom);
    const others = listPartitions(table).filter((partition) => partition.number !== number);
    const own = listPartitions(table).find((partition) => partition.number === number);
    const alignment = mebibyte / sectorBytes;
    const isFree = (sector: number) =>
      sector >= table.firstUsableSector &&
      sector < geometry.sectors - 1 - 16384 / sectorBytes &&
      others.every((one) => sector < one.startSector || sector >= one.startSector + one.sizeSectors);
    const needed = imageBytes + 4096;
    if (planned.kind === 'fits') {
      expect((own?.sizeSectors ?? 0) * sectorBytes).toBeGreaterThanOrEqual(needed);
    } else if (planned.kind === 'move') {
      const { startSector, sizeSectors } = planned.place;
      expect(sizeSectors * sectorBytes).toBeGreaterThanOrEqual(needed);
      expect(sizeSectors * sectorBytes).toBeLessThan(Math.max(headRoom * imageBytes, needed) + mebibyte);
      expect([startSector % alignment, sizeSectors % alignment]).toEqual([0, 0]);
      const pieces = Array.from(
        { length: sizeSectors / alignment },
        (_, index) => startSector + index * alignment,
      );
      expect(pieces.filter((sector) => !isFree(sector) || !isFree(sector + alignment - 1))).toEqual([]);
      const moved = movePartition(table, number, startSector, sizeSectors);
      expect(listPartitions(moved).filter((one) => one.number !== number)).toEqual(others);
    } else {
      let run = 0;
      let longest = 0;
      for (let sector = 0; sector < geometry.sectors; sector += alignment) {
        run = isFree(sector) && isFree(sector + alignment - 1) ? run + mebibyte : 0;
        longest = Math.max(longest, run);
      }
      expect(longest).toBe(planned.largestBytes);
      expect(longest).toBeLessThan(needed);
    }
  }
});

function randomFrom(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return (((state ^ (state >>> 13)) >>> 0) % 100000) / 100000;
  };
}
