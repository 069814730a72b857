import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Measurement } from '../measure/measurement.ts';
import { compare } from './comparison.ts';
import type { BenchConditions } from './describe-notes.ts';
import type { Figure } from './figures.ts';
import { renderPage } from './report-page.ts';
import { renderComparison } from './report-table.ts';

/** All that a run found out. */
export interface Report {
  readonly conditions: BenchConditions;
  readonly notes: readonly string[];
  readonly measurements: readonly Measurement[];
  readonly figures: readonly Figure[];
}

/** Writes `report.json`, `report.md` and `report.html` in `folder`; returns the tables, and where the page lies. */
export async function writeReport(folder: string, report: Report): Promise<string[]> {
  const comparisons = compare(report.measurements);
  const tables = comparisons.flatMap((comparison) => ['', ...renderComparison(comparison)]);
  const text = [...tables, '', ...report.notes.map((note) => `- ${note}`)];
  const page = join(folder, 'report.html');
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(join(folder, 'report.md'), `${text.slice(1).join('\n')}\n`);
  await writeFile(page, await renderPage({ ...report, comparisons }));
  return [...text, '', `As a page: ${page}`];
}
