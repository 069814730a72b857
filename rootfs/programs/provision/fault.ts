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
