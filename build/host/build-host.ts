import type { Readable } from 'node:stream';

/** A command as a value; `build/host/` is the one place that runs it. */
export interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
}

export interface RunOptions {
  /** What the command reads on standard input; nothing when left out. */
  readonly input?: string | Buffer | Readable;
  /** Called with each line of output as it comes. */
  readonly onLine?: (line: string) => void;
  /** `inherit` gives the command the terminal; `pipe` (default) collects its output. */
  readonly stdio?: 'pipe' | 'inherit';
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The one small door through which effects other than files come in: processes, network, clock, environment.
 * Files are read and written with `node:fs/promises`.
 */
export interface BuildHost {
  environmentVariable(name: string): string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since this process started, with fractions; never goes back. */
  elapsedMs(): number;
  /** Aborts when the user interrupts; every long operation obeys it. */
  readonly signal: AbortSignal;
  readonly cpuCount: number;
  readonly isRoot: boolean;
  /** Runs to the end; an exit code other than 0 is an answer, not an exception. Killed when `signal` aborts. */
  run(command: Command, options?: RunOptions): Promise<CommandResult>;
  /** GET; `offsetBytes` asks for a range from there; obeys `signal` as well as the host's own. Throws the cause (connection refused, name not found) unwrapped. */
  download(
    url: string,
    options?: { readonly offsetBytes?: number; readonly signal?: AbortSignal },
  ): Promise<HttpReply>;
  /** Rejects when `signal`, or the host's own, aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}
