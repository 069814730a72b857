import { relative, sep } from 'node:path';
import { exitCodes, FaultsError, KeelsonError, type Place } from './keelson-error.ts';

export interface RenderOptions {
  /** Whether to use ANSI colours. */
  readonly isColoured: boolean;
  /** Files inside it are shown relative to it. */
  readonly workingFolder: string;
}

/**
 * What a person reads when something fails: `file:line:column: Cannot …  [CODE]`, the offending line with a caret,
 * the cause, and a hint. Ends without a newline.
 */
export function renderError(error: unknown, options: RenderOptions): string {
  if (error instanceof FaultsError) {
    const faults = error.faults.map((fault) => renderKeelsonError(fault, options));
    if (faults.length > 1) faults.push(paint(`${faults.length} faults`, 'bold', options));
    return faults.join('\n\n');
  }
  if (error instanceof KeelsonError) return renderKeelsonError(error, options);
  return renderUnknown(error, options);
}

function renderKeelsonError(error: KeelsonError, options: RenderOptions): string {
  const { place } = error;
  const position = place === undefined ? '' : `${formatPlace(place, options.workingFolder)}: `;
  const lines = [
    `${paint(position, 'bold', options)}${paint(printable(error.message), 'red', options)}  [${error.code}]`,
  ];
  if (place?.sourceLine !== undefined && place.line !== undefined) lines.push(...excerpt(place, options));
  const cause = causeOf(error);
  if (cause !== undefined) lines.push(`cause: ${printable(cause)}`);
  if (error.hint !== undefined) lines.push(`${paint('hint:', 'cyan', options)} ${printable(error.hint)}`);
  return lines.join('\n');
}

function renderUnknown(error: unknown, options: RenderOptions): string {
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  return [
    `${paint(`Cannot go on: ${printable(messageOf(error))}`, 'red', options)}  [INTERNAL_FAULT]`,
    ...(typeof stack === 'string' ? [stack.split('\n').slice(1).map(printable).join('\n')] : []),
    `${paint('hint:', 'cyan', options)} this is a fault of the builder; please report it with the lines above`,
  ].join('\n');
}

/** `recipes/minimal/recipe.yaml:4:3`. */
export function formatPlace(place: Place, workingFolder: string): string {
  const path = relative(workingFolder, place.file);
  const isInside = path !== '' && path !== '..' && !path.startsWith(`..${sep}`);
  const parts: (string | number)[] = [printable(isInside ? path : place.file)];
  if (place.line !== undefined) parts.push(place.line);
  if (place.line !== undefined && place.column !== undefined) parts.push(place.column);
  return parts.join(':');
}

const excerptWidth = 100;

/** The source line under a ruler of its number, with a caret under the column; long lines are cut round the column. */
function excerpt(place: Place, options: RenderOptions): string[] {
  const source = (place.sourceLine ?? '').replace(/\p{Cc}/gu, ' ');
  const column = Math.min(place.column ?? 1, source.length + 1);
  const start = column > excerptWidth ? column - excerptWidth / 2 : 0;
  const margin = ' '.repeat(String(place.line).length);
  const lines = [`  ${place.line} | ${source.slice(start, start + excerptWidth)}`];
  if (place.column !== undefined) {
    lines.push(`  ${margin} | ${' '.repeat(column - 1 - start)}${paint('^', 'red', options)}`);
  }
  return lines;
}

function causeOf(error: KeelsonError): string | undefined {
  return error.cause === undefined ? undefined : messageOf(error.cause);
}

function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}

/** Text from files and archives must not steer the terminal: control characters become visible. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    character === '\n' ? '\n' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const paints = { bold: '1', red: '31', cyan: '36' } as const;

function paint(text: string, name: keyof typeof paints, options: RenderOptions): string {
  return options.isColoured && text !== '' ? `\u001b[${paints[name]}m${text}\u001b[0m` : text;
}

/** One fault as data, for `--json`. */
export interface ErrorJson {
  readonly code: string;
  readonly class: string;
  readonly message: string;
  readonly place?: Place;
  readonly hint?: string;
  readonly cause?: string;
  /** Of several faults found together. */
  readonly faults?: readonly ErrorJson[];
}

/** The same as data: `FAULTS_FOUND` with `faults` for several, `INTERNAL_FAULT` for what is not ours. */
export function errorToJson(error: unknown): ErrorJson {
  if (error instanceof FaultsError) {
    return {
      code: 'FAULTS_FOUND',
      class: error.class,
      message: error.message,
      faults: error.faults.map(errorToJson),
    };
  }
  if (!(error instanceof KeelsonError)) {
    return { code: 'INTERNAL_FAULT', class: 'internal', message: messageOf(error) };
  }
  const cause = causeOf(error);
  return {
    code: error.code,
    class: error.class,
    message: error.message,
    ...(error.place === undefined ? {} : { place: error.place }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** The exit code that a command ends with when it fails with `error` (style.md, principle 8). */
export function exitCodeOf(error: unknown): number {
  if (error instanceof KeelsonError || error instanceof FaultsError) return exitCodes[error.class];
  return exitCodes.internal;
}
