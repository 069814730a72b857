import { type Job, jobs } from '../contenders/contender.ts';
import type { Measurement } from '../measure/measurement.ts';
import { ratios, type Summary, summarise } from '../measure/statistics.ts';
import { type Metric, metrics } from './metrics.ts';

/** All contenders for one job, beside the first of Keelson's. */
export interface Comparison {
  readonly job: Job;
  readonly title: string;
  readonly names: readonly string[];
  readonly rows: readonly ComparisonRow[];
}

export interface ComparisonRow {
  readonly metric: Metric;
  /** As many as there are names. */
  readonly cells: readonly ComparisonCell[];
}

export interface ComparisonCell {
  /** `undefined`: not measured. */
  readonly value: Summary | undefined;
  /** How many times the base; `undefined` of the base itself, and where there is nothing to divide by. */
  readonly ratio: Summary | undefined;
}

/** One for each job that a contender has; lines that nobody has a value in are left out. */
export function compare(measurements: readonly Measurement[]): Comparison[] {
  return (Object.keys(jobs) as Job[]).flatMap((job) => {
    const all = measurements.filter((measurement) => measurement.job === job);
    if (all.length === 0) return [];
    const base = all.find(({ isKeelson }) => isKeelson) ?? all[0];
    const ordered = [...all].sort((left, right) => Number(right === base) - Number(left === base));
    const rows = metrics
      .filter((metric) => metric.job === undefined || metric.job === job)
      .map((metric) => compareOne(metric, ordered))
      .filter(({ cells }) => cells.some(({ value }) => value !== undefined));
    return [{ job, title: jobs[job], names: ordered.map(({ name }) => name), rows }];
  });
}

function compareOne(metric: Metric, [base, ...others]: readonly Measurement[]): ComparisonRow {
  const baseValues = base === undefined ? [] : metric.values(base);
  const cells = others.map((other) => {
    const values = metric.values(other);
    return { value: summarise(values), ratio: ratios(values, baseValues) };
  });
  return { metric, cells: [{ value: summarise(baseValues), ratio: undefined }, ...cells] };
}
