/** What several measurements of one thing say. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** The middle one; the mean of the two in the middle for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** `undefined` of no values. */
export function summarise(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    count: values.length,
  };
}

/**
 * How many times `base` the values are. Of as many values on both sides, each is compared with that of the same round: what made the
 * computer slow then made both slow. Else all with the base's median.
 */
export function ratios(values: readonly number[], base: readonly number[]): Summary | undefined {
  if (base.length === 0 || base.some((value) => value === 0)) return undefined;
  const middle = median(base);
  const isPaired = values.length === base.length;
  return summarise(values.map((value, round) => value / (isPaired ? (base[round] ?? middle) : middle)));
}
