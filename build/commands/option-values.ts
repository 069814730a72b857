import { InvalidArgumentError } from 'commander';

/** Of every command that builds: see profile.ts. */
export const profileOption = [
  '--profile <file>',
  'write a trace of where the time went, for Perfetto and the like',
] as const;

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
