import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compare } from './comparison.ts';
import { describeNotes } from './describe-notes.ts';
import { madeUpMeasurements } from './report-fixture.ts';
import { renderPage } from './report-page.ts';
import { renderComparison } from './report-table.ts';
import { writeReport } from './write-report.ts';

const conditions = {
  date: '2026-11-22T07:00:00.000Z',
  cpus: 2,
  model: 'some processor',
  loads: [0.1, 2.2],
  rounds: 3,
  archiveDates: { trixie: '2026-09-12T07:55:41.000Z', 'trixie-security': '2026-11-20T00:12:42.000Z' },
} as const;

const notes = describeNotes(conditions, madeUpMeasurements);

test('the table: Keelson first, the others beside it with ratios, what was not measured as a dash', () => {
  const [comparison] = compare(madeUpMeasurements);
  expect(comparison && renderComparison(comparison)).toEqual([
    '| a system that lets a person in over SSH |               tiny |         mmdebstrap |         times | mkosi | times |',
    '| --------------------------------------- | -----------------: | -----------------: | ------------: | ----: | ----: |',
    '| build, cold                             |             1500 s |             90.0 s |           0.1 |     — |       |',
    '| build, one file changed                 | 11.0 s (10.0–12.0) | 22.0 s (20.0–36.0) | 2.0 (2.0–3.0) |     — |       |',
    '| image                                   |            35.0 MB |             350 MB |            10 |     — |       |',
    '| image, compressed                       |            30.0 MB |            90.0 MB |           3.0 |     — |       |',
    '| packages                                |                 60 |                120 |           2.0 |     — |       |',
    '| first boot to SSH                       |             30.0 s |             60.0 s |           2.0 |     — |       |',
    '| boot to SSH                             | 22.0 s (20.0–40.0) |  44.0 s (40.0–120) | 2.0 (2.0–3.0) |     — |       |',
    '| memory in use, idle                     |            50.0 MB |   105 MB (100–110) | 2.1 (2.0–2.2) |     — |       |',
    '| processes                               |                  3 |                  2 |           0.7 |     — |       |',
    '| listening ports                         |                  1 |                  2 |           2.0 |     — |       |',
    '| set-user-ID files                       |                  0 |                  1 |               |     — |       |',
  ]);
});

test('what one must know to read it', () => {
  expect(notes).toEqual([
    'Measured on 2026-11-22 on 2 processors (some processor) with a load of 0.1 at the beginning and 2.2 at the end.',
    "Machines run under QEMU's emulation (TCG), all with 2 processors, 1024 MiB, a disk of 4.0 GiB, UEFI; boots are the median of 3, in turns.",
    'In parentheses: the least and the most. "times": how many times the first column, each round compared with the same round.',
    'mmdebstrap and mkosi install Debian packages as of 2026-11-20.',
    'Of the cold build of tiny, "compile kernel" took 1440 s.',
    'Not measured to the end: mkosi: it needs newuidmap',
  ]);
});

describe('the page', () => {
  const figures = [{ name: 'warm build', value: 1, unit: 's', target: 2 }] as const;
  const page = () =>
    renderPage({
      comparisons: compare(madeUpMeasurements),
      measurements: madeUpMeasurements,
      figures,
      notes,
    });

  test('needs nothing but itself', async () => {
    expect(await page()).not.toMatch(/<script|<link|\bsrc=|https?:\/\//);
  });

  test('has a bar for each value, as long as the value is large', async () => {
    const text = await page();
    expect(text).toContain('<span style="width: 18.33%"></span><i style="left: 16.67%; width: 16.67%">');
    expect(text).toContain('<span style="width: 36.67%"></span><i style="left: 33.33%; width: 66.67%">');
    expect(text).toContain('2.0 (2.0–3.0) times');
  });

  test("shows a machine's processes as text, whatever they are called", async () => {
    const text = await page();
    expect(text).toContain('crun ×2, finit');
    expect(text).toContain('&lt;script&gt;');
  });

  test('shows the figures beside their targets', async () => {
    expect(await page()).toMatch(/warm build +1\.0 s +target 2 s +pass/);
  });
});

test('a run leaves its numbers, its tables and the page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-report-'));
  try {
    const lines = await writeReport(folder, {
      conditions,
      notes,
      measurements: madeUpMeasurements,
      figures: [],
    });
    expect(lines.at(-1)).toBe(`As a page: ${join(folder, 'report.html')}`);
    const numbers = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    expect(numbers.measurements).toHaveLength(3);
    expect(await readFile(join(folder, 'report.md'), 'utf8')).toMatch(/^\| a system [\s\S]*\n- Measured on /);
  } finally {
    await rm(folder, { recursive: true });
  }
});
