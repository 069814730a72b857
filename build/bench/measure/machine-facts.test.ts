import { expect, test } from '@jest/globals';
import { usedMemory } from './machine-facts.ts';

test('memory in use, once for each text of /proc/meminfo', () => {
  const meminfo = (available: number) =>
    `MemTotal:        1000000 kB\nMemFree:          800000 kB\nMemAvailable:    ${available} kB\n`;
  expect(usedMemory(meminfo(900_000) + meminfo(890_000))).toEqual([100_000 * 1024, 110_000 * 1024]);
});
