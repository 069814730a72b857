import { spawn } from 'node:child_process';
import type { Command } from './build-host.ts';

/** A process that runs beside the builder, such as a machine in QEMU. */
export interface BackgroundProcess {
  /** Settles when it is over; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** The last lines of what it wrote on standard error (empty when it has the terminal). */
  lastErrors(): string;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ProcessEnd {
  readonly exitCode: number | undefined;
  /** Name of the signal that ended it, or why it could not be started. */
  readonly reason: string | undefined;
}

/** How much of standard error is kept. */
const keptErrorLength = 4000;

/**
 * Starts a command and comes back at once. The process dies with the builder: when `signal` aborts and when Node
 * exits. With `inherit` it owns the terminal, so Ctrl-C is its own business.
 */
export function startInBackground(
  command: Command,
  options: { readonly signal: AbortSignal; readonly stdio?: 'quiet' | 'inherit' },
): BackgroundProcess {
  options.signal.throwIfAborted();
  const isInherited = options.stdio === 'inherit';
  const child = spawn(command.file, [...command.arguments], {
    env: { ...command.environment },
    stdio: isInherited ? 'inherit' : ['ignore', 'ignore', 'pipe'],
    ...(command.workingFolder === undefined ? {} : { cwd: command.workingFolder }),
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-keptErrorLength);
  });
  const kill = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    child.kill(signal);
  };
  const killNow = (): void => kill('SIGKILL');
  process.once('exit', killNow);
  options.signal.addEventListener('abort', killNow, { once: true });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: undefined, reason: error.message }));
    child.once('close', (code, signal) =>
      resolve({ exitCode: code ?? undefined, reason: signal ?? undefined }),
    );
  }).finally(() => {
    process.removeListener('exit', killNow);
    options.signal.removeEventListener('abort', killNow);
  });
  return { ended, lastErrors: () => errors.trim(), kill };
}
