import type { Summary } from '../measure/statistics.ts';
import type { Comparison, ComparisonCell } from './comparison.ts';
import { formatValue, type Metric } from './metrics.ts';

/** A table in Markdown, which is good to read as it is. */
export function renderComparison({ title, names, rows }: Comparison): string[] {
  const header = [title, ...names.flatMap((name, column) => (column === 0 ? [name] : [name, 'times']))];
  const body = rows.map(({ metric, cells }) => [
    metric.title,
    ...cells.flatMap((cell, column) =>
      column === 0
        ? [describeValue(cell.value, metric)]
        : [describeValue(cell.value, metric), describeRatio(cell.ratio)],
    ),
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...body].map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(header), line(rule), ...body.map(line)];
}

/** `95.3 s (90.1–101)`: the median, and the range of all that was measured. */
export function describeValue(summary: ComparisonCell['value'], { unit }: Metric): string {
  if (summary === undefined) return '—';
  const value = formatValue(summary.median, unit);
  return hasSpread(summary) ? `${value} (${range(summary, (each) => trimUnit(each, unit))})` : value;
}

/** `3.2 (2.9–3.4)`; nothing where there is nothing to compare. */
export function describeRatio(summary: ComparisonCell['ratio']): string {
  if (summary === undefined) return '';
  return hasSpread(summary)
    ? `${digits(summary.median)} (${range(summary, digits)})`
    : digits(summary.median);
}

const digits = (ratio: number): string => ratio.toFixed(ratio < 10 ? 1 : 0);

function trimUnit(value: number, unit: Metric['unit']): string {
  return formatValue(value, unit).replace(/ .*/, '');
}

function hasSpread({ least, most }: Summary): boolean {
  return least !== most;
}

function range({ least, most }: Summary, describe: (value: number) => string): string {
  return `${describe(least)}–${describe(most)}`;
}
