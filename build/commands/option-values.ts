import { InvalidArgumentError } from 'commander';

/** An option that may be given several times. */
export function collect(text: string, earlier: readonly string[]): string[] {
  return [...earlier, text];
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
}
