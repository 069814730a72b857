/** One measured figure beside what it should be. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: 's' | 'MB';
  readonly target: number;
}

/** The middle one; the mean of the two in the middle for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** `warm build, nothing changed   1.2 s   target 2 s   pass (0.60 of it)`. */
export function describeFigure({ name, value, unit, target }: Figure): string {
  const verdict = value <= target ? 'pass' : 'OVER';
  const numbers = `${value.toFixed(1)} ${unit}`.padStart(10);
  return `${name.padEnd(44)}${numbers}   target ${`${target} ${unit}`.padEnd(7)}${verdict} (${(value / target).toFixed(2)} of it)`;
}
