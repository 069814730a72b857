/** The class of an error decides the exit code of the command (style.md, principle 8). */
export const exitCodes = { input: 2, unsupported: 3, environment: 4, network: 5, internal: 70 } as const;

export type ErrorClass = keyof typeof exitCodes;

/** Where in a file an error is; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** The offending line, shown under the message. */
  readonly sourceLine?: string;
}

export interface ErrorDetails {
  /** Stable `NOUN_STATE`, permanent once released. */
  readonly code: string;
  readonly class: ErrorClass;
  /** One sentence, for commands beginning with "Cannot …". */
  readonly message: string;
  readonly place?: Place;
  /** An action that the reader can take. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error that a user is meant to read: what, where, and what to do next. */
export class KeelsonError extends Error {
  override readonly name = 'KeelsonError';
  readonly code: string;
  readonly class: ErrorClass;
  readonly place: Place | undefined;
  readonly hint: string | undefined;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.class = details.class;
    this.place = details.place;
    this.hint = details.hint;
  }
}

/** Several faults found together, each with its own place; always at least one. */
export class FaultsError extends Error {
  override readonly name = 'FaultsError';
  /** That of the faults when they agree, otherwise `input`. */
  readonly class: ErrorClass;
  readonly faults: readonly KeelsonError[];

  constructor(faults: readonly KeelsonError[]) {
    super(`${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`);
    const classes = new Set(faults.map((fault) => fault.class));
    this.class = classes.size === 1 ? (faults[0]?.class ?? 'input') : 'input';
    this.faults = faults;
  }
}
