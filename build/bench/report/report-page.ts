import { readFile } from 'node:fs/promises';
import Handlebars from 'handlebars';
import type { Measurement } from '../measure/measurement.ts';
import type { Comparison, ComparisonRow } from './comparison.ts';
import { describeFigure, type Figure } from './figures.ts';
import { describeRatio, describeValue } from './report-table.ts';

/** What the page shows. */
export interface ReportContents {
  readonly comparisons: readonly Comparison[];
  readonly measurements: readonly Measurement[];
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** One page of HTML that needs nothing else: no script, no style sheet, no network. */
export async function renderPage(contents: ReportContents): Promise<string> {
  const text = await readFile(new URL('report.html.hbs', import.meta.url), 'utf8');
  const template = Handlebars.compile(text, { strict: true, preventIndent: true });
  return template({
    notes: contents.notes,
    figures: contents.figures.map(describeFigure),
    comparisons: contents.comparisons.map(({ title, names, rows }) => ({
      title,
      rows: rows.map((row) => viewRow(row, names)),
    })),
    machines: contents.measurements.flatMap(viewFacts),
  });
}

function viewRow({ metric, cells }: ComparisonRow, names: readonly string[]) {
  const longest = Math.max(...cells.map(({ value }) => value?.most ?? 0));
  return {
    title: metric.title.replaceAll('`', ''),
    bars: cells.map(({ value, ratio }, column) => ({
      name: names[column] ?? '',
      isBase: column === 0,
      text: describeValue(value, metric),
      ratio: ratio === undefined ? '' : `${describeRatio(ratio)} times`,
      ...shares(value, longest),
    })),
  };
}

/** Percent of the line's length. */
function shares(
  value: { readonly median: number; readonly least: number; readonly most: number } | undefined,
  longest: number,
) {
  const share = (part: number): string => (longest === 0 ? '0' : ((100 * part) / longest).toFixed(2));
  if (value === undefined) return { length: '0', from: '0', spread: '0' };
  return { length: share(value.median), from: share(value.least), spread: share(value.most - value.least) };
}

function viewFacts({ name, boots }: Measurement) {
  if (boots === undefined) return [];
  const { ports, processes, setUidFiles } = boots.facts;
  return [
    {
      name,
      ports: ports.join(', ') || 'none',
      processes: counted(processes),
      setUidFiles: setUidFiles.join(', ') || 'none',
    },
  ];
}

/** `crun ×3, finit`. */
function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(', ');
}
