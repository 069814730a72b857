/** Something that was asked for and not done (`machine`: that it could not do); line and column count from 1. */
export interface Fault {
  readonly file: 'user-data' | 'meta-data' | 'seed' | 'machine';
  readonly line?: number;
  readonly column?: number;
  /** Names keys, never values: it goes to logs, and values may be secret. */
  readonly message: string;
}

export function renderFault(fault: Fault): string {
  const place = fault.line === undefined ? '' : `:${fault.line}:${fault.column ?? 1}`;
  return `${fault.file}${place}: ${fault.message}`;
}

/** A hostile or binary file could have a fault a byte, and all of them go to the log. */
const mostFaults = 50;

export function firstFaults(faults: readonly Fault[]): readonly Fault[] {
  const [first] = faults;
  return first === undefined || faults.length <= mostFaults
    ? faults
    : [
        ...faults.slice(0, mostFaults),
        { file: first.file, message: `${faults.length - mostFaults} more faults` },
      ];
}

export function firstNotes(notes: readonly string[]): readonly string[] {
  return notes.length <= mostFaults
    ? notes
    : [...notes.slice(0, mostFaults), `${notes.length - mostFaults} more keys are not used on this machine`];
}
