import type { Device } from '../device.ts';

/** 0 done · 1 it did not work, or something is wrong · 2 the command line is wrong. `exec` gives the program's own code. */
export type ExitCode = number;

/** An option beside `--json` and `--help`, which every command has. */
export interface CommandOption {
  /** Such as `-f`; none when it has only its long name. */
  readonly short?: string;
  /** What stands for its value in the help, such as `LINES`; none when it takes none. */
  readonly value?: string;
  readonly summary: string;
}

/** A command line, taken apart. */
export interface Invocation {
  /** Without the command's name and the options. */
  readonly operands: readonly string[];
  readonly isJson: boolean;
  /** By long name without its hyphens; `''` for one that takes no value. */
  readonly options: ReadonlyMap<string, string>;
}

export interface KeelctlCommand {
  readonly usage: string;
  readonly summary: string;
  /** `internal`: called by the machine itself; not in the list of commands. */
  readonly audience: 'people' | 'internal';
  /** Numbers of operands that make sense, least and most. */
  readonly operands: readonly [number, number];
  /** By long name without its hyphens. */
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** Words after the first operand are a program's, with its options. */
  readonly hasProgram?: boolean;
  /** Without `keelctl`. */
  readonly examples?: readonly string[];
  run(device: Device, invocation: Invocation): ExitCode;
}

/** A message for the person at the command line; ends the program with code 1, or 2 for a wrong command line. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function printJson(device: Device, value: unknown): void {
  device.print(JSON.stringify(value, null, 2));
}

/** One object a line, for what has no end. */
export function printJsonLine(device: Device, value: unknown): void {
  device.print(JSON.stringify(value));
}

/** `-f` and `-n` of what grows at its end. */
export const followOptions = {
  follow: { short: '-f', summary: 'go on with what comes, until Ctrl-C' },
  lines: { short: '-n', value: 'LINES', summary: 'so many of the last lines' },
} as const satisfies Readonly<Record<string, CommandOption>>;

export function readLineCount({ options }: Invocation, otherwise: number): number {
  const word = options.get('lines');
  if (word === undefined) return otherwise;
  if (!/^[1-9]\d{0,6}$/.test(word)) {
    throw new CommandFailed('The option -n takes a number of lines, such as -n 50.', 2);
  }
  return Number(word);
}
