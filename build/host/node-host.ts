import { availableParallelism, constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost, Command, CommandResult, HttpReply, RunOptions } from './build-host.ts';
import { httpDownload } from './http-download.ts';

/** How long a child has after SIGTERM before SIGKILL. */
const killDelayMs = 3000;
/** More output than this of one command is a fault, not a need. */
const maxOutputBytes = 256 * 1024 * 1024;

export interface BuildHostOptions {
  /** Aborted by the caller on SIGINT and SIGTERM. */
  readonly signal?: AbortSignal;
  /** Stands for KEELSON_MIRROR. */
  readonly mirror?: string;
}

/** This computer, through Node. */
export function createBuildHost({
  signal = new AbortController().signal,
  mirror,
}: BuildHostOptions = {}): BuildHost {
  return {
    environmentVariable: (name) => (name === 'KEELSON_MIRROR' && mirror) || process.env[name],
    now: () => Date.now(),
    elapsedMs: () => performance.now(),
    signal,
    cpuCount: availableParallelism(),
    isRoot: process.getuid?.() === 0,
    run: (command, options) => runCommand(signal, command, options),
    download: (url, options) => download(signal, url, options),
    wait: async (ms, ownSignal) => {
      await delay(ms, undefined, { signal: anySignal(signal, ownSignal) }).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw cause;
      });
    },
  };
}

async function runCommand(
  signal: AbortSignal,
  command: Command,
  options: RunOptions = {},
): Promise<CommandResult> {
  signal.throwIfAborted();
  // A build that finds everything in the store starts nothing, and this is 100 files.
  const { execa } = await import('execa');
  const isInherited = options.stdio === 'inherit';
  const child = execa(command.file, [...command.arguments], {
    env: { ...command.environment },
    extendEnv: false,
    ...(command.workingFolder === undefined ? {} : { cwd: command.workingFolder }),
    ...standardInput(options),
    ...(isInherited ? { stdout: 'inherit', stderr: 'inherit' } : { all: true }),
    reject: false,
    stripFinalNewline: false,
    cancelSignal: signal,
    forceKillAfterDelay: killDelayMs,
    maxBuffer: maxOutputBytes,
  } as const);
  const lines = isInherited ? undefined : passLines(child, options.onLine);
  const result = await child;
  await lines;
  signal.throwIfAborted();
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new KeelsonError({
      code: 'COMMAND_UNSTARTABLE',
      class: 'environment',
      message: `Cannot run ${command.file}: ${result.originalMessage ?? 'it did not start'}`,
      hint: 'Run `keelson doctor`: it says what this computer lacks.',
      cause: result.cause,
    });
  }
  return {
    exitCode: result.exitCode ?? 128 + (constants.signals[result.signal ?? 'SIGKILL'] ?? 0),
    stdout: typeof result.stdout === 'string' ? result.stdout : '',
    stderr: typeof result.stderr === 'string' ? result.stderr : '',
  };
}

function standardInput(options: RunOptions) {
  if (options.input === undefined) {
    return { stdin: options.stdio === 'inherit' ? 'inherit' : 'ignore' } as const;
  }
  if (typeof options.input === 'string' || Buffer.isBuffer(options.input)) {
    return { input: options.input } as const;
  }
  return { input: options.input } as const;
}

async function passLines(
  child: { iterable(options: { from: 'all' }): AsyncIterable<unknown> },
  onLine: RunOptions['onLine'],
): Promise<void> {
  if (onLine === undefined) return;
  for await (const line of child.iterable({ from: 'all' })) onLine(String(line));
}

async function download(
  hostSignal: AbortSignal,
  url: string,
  options: { readonly offsetBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<HttpReply> {
  const { offsetBytes = 0 } = options;
  const signal = anySignal(hostSignal, options.signal);
  // Sizes and offsets count the bytes as stored, so no compression on the way.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (offsetBytes > 0) headers.range = `bytes=${offsetBytes}-`;
  return httpDownload(url, headers, signal);
}

function anySignal(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}
