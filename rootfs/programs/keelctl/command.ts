import type { Device } from '../device.ts';

/** 0 done · 1 it did not work, or something is wrong · 2 the command line is wrong. `exec` gives the program's own code. */
export type ExitCode = number;

/** A command line, taken apart. */
export interface Invocation {
  /** Without the command's name and the options. */
  readonly operands: readonly string[];
  readonly isJson: boolean;
  /** `logs -f`. */
  readonly isFollowing: boolean;
  /** `logs -n`. */
  readonly lineCount: number;
}

export interface KeelctlCommand {
  readonly usage: string;
  readonly summary: string;
  /** `internal`: called by the machine itself; not in the list of commands. */
  readonly audience: 'people' | 'internal';
  /** Numbers of operands that make sense, least and most. */
  readonly operands: readonly [number, number];
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
