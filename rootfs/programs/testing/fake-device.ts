import type { CommandOutcome, Device, FileStatus } from '../device.ts';
import { FakeDisk } from './fake-disk.ts';

/** Answers one command; `undefined` lets the next one try. */
export type FakeCommand = (command: readonly string[], input: string) => Partial<CommandOutcome> | undefined;

export interface FakeDeviceOptions {
  readonly arguments?: readonly string[];
  /** Path → content; folders come with their files. A value `-> target` is a symbolic link. */
  readonly files?: Readonly<Record<string, string>>;
  /** Block devices, for `readBytes`. */
  readonly devices?: Readonly<Record<string, Uint8Array | FakeDisk>>;
  readonly commands?: readonly FakeCommand[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly now?: number;
}

/** A machine in memory: what was written, run and printed can be looked at afterwards. */
export interface FakeDevice extends Device {
  readonly files: Map<string, string>;
  /** What was written as bytes, beside `files`. */
  readonly bytes: Map<string, Uint8Array>;
  readonly modes: Map<string, number>;
  readonly commandsRun: string[];
  readonly printed: string[];
  readonly errorsPrinted: string[];
  /** What an input of `watchInputs` says. */
  feed(path: string, content: string | Uint8Array): void;
  /** Time goes by, and what was to be called later is called. */
  pass(ms: number): void;
  /** SIGTERM. */
  terminate(): void;
}

export class FakeExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Commands that no answer is given for end with code 0 and no output. */
export function makeFakeDevice(options: FakeDeviceOptions = {}): FakeDevice {
  const files = new Map<string, string>();
  const bytes = new Map<string, Uint8Array>();
  const folders = new Set<string>(['/']);
  const modes = new Map<string, number>();
  const commandsRun: string[] = [];
  const printed: string[] = [];
  const errorsPrinted: string[] = [];
  let clock = options.now ?? 1_700_000_000_000;
  let inputs: readonly string[] = [];
  let onInput: (input: number, bytes: Uint8Array) => void = () => {};
  let onTermination = (): void => {};
  let timers: { readonly at: number; readonly action: () => void }[] = [];
  for (const [path, content] of Object.entries(options.files ?? {})) {
    put(path, content);
  }

  function put(path: string, content: string, mode = 0o644): void {
    addFolder(parentOf(path));
    files.set(path, content);
    modes.set(path, mode);
  }

  function addFolder(path: string): void {
    for (let folder = path; folder !== '/'; folder = parentOf(folder)) {
      folders.add(folder);
    }
  }

  function readLink(path: string): string | undefined {
    const content = files.get(path);
    return content?.startsWith('-> ') ? content.slice(3) : undefined;
  }

  function resolve(path: string): string {
    const target = readLink(path);
    return target === undefined
      ? path
      : resolve(target.startsWith('/') ? target : `${parentOf(path)}/${target}`);
  }

  function answer(command: readonly string[], input: string): CommandOutcome {
    commandsRun.push(command.join(' '));
    for (const reply of options.commands ?? []) {
      const outcome = reply(command, input);
      if (outcome !== undefined) {
        return { exitCode: 0, stdout: '', stderr: '', ...outcome };
      }
    }
    return { exitCode: 0, stdout: '', stderr: '' };
  }

  return {
    arguments: options.arguments ?? [],
    isTerminal: false,
    files,
    bytes,
    modes,
    commandsRun,
    printed,
    errorsPrinted,
    environmentVariable: (name) => options.environment?.[name],
    readFile(path, limitBytes = Number.POSITIVE_INFINITY) {
      const text = files.get(resolve(path));
      if (text !== undefined && text.length > limitBytes) {
        throw new Error(`Cannot read ${path}: it is larger than ${limitBytes} bytes.`);
      }
      return text;
    },
    readBytes(path, offset, length) {
      const content = bytes.get(path) ?? options.devices?.[path] ?? asBytes(files.get(path));
      return content instanceof FakeDisk
        ? content.read(offset, length)
        : content?.subarray(Math.min(offset, content.length), Math.min(offset + length, content.length));
    },
    writeFile(path, content, mode) {
      if (typeof content !== 'string') bytes.set(path, content);
      put(path, asText(content), mode);
    },
    appendFile(path, content, mode) {
      put(path, `${files.get(path) ?? ''}${content}`, mode ?? modes.get(path));
    },
    watchInputs(paths, onBytes) {
      inputs = paths;
      onInput = onBytes;
    },
    feed: (path, content) =>
      onInput(
        inputs.indexOf(path),
        typeof content === 'string' ? new TextEncoder().encode(content) : content,
      ),
    callLater(ms, action) {
      timers.push({ at: clock + ms, action });
    },
    pass(ms) {
      clock += ms;
      const due = timers.filter(({ at }) => at <= clock);
      timers = timers.filter(({ at }) => at > clock);
      for (const { action } of due) action();
    },
    onTerminate(action) {
      onTermination = action;
    },
    terminate: () => onTermination(),
    writeFileDurably: (path, content, mode) => put(path, asText(content), mode),
    list(folder) {
      const prefix = folder === '/' ? '/' : `${folder}/`;
      const names = [...files.keys(), ...folders]
        .filter((path) => path.startsWith(prefix) && path !== prefix)
        .map((path) => path.slice(prefix.length).split('/')[0] ?? '');
      return [...new Set(names)].sort();
    },
    status(path): FileStatus | undefined {
      const common = { uid: 0, gid: 0, modifiedAt: clock, mode: modes.get(path) ?? 0o755 };
      const content = files.get(path);
      if (content !== undefined) {
        const type = readLink(path) === undefined ? 'file' : 'link';
        return { ...common, type, sizeBytes: content.length };
      }
      return folders.has(path) ? { ...common, type: 'folder', sizeBytes: 0 } : undefined;
    },
    readLink,
    realPath(path) {
      const real = resolve(path);
      return files.has(real) || folders.has(real) ? real : undefined;
    },
    makeFolder: (path) => addFolder(path),
    makeLink: (target, path) => put(path, `-> ${target}`),
    rename(from, to) {
      put(to, files.get(from) ?? '', modes.get(from));
      files.delete(from);
    },
    remove(path) {
      files.delete(path);
      folders.delete(path);
    },
    run: (command, runOptions) => answer(command, runOptions?.input ?? ''),
    runAttached: (command) => answer(command, '').exitCode,
    now: () => clock,
    sleep(ms) {
      clock += ms;
    },
    print: (line) => printed.push(line),
    printError: (line) => errorsPrinted.push(line),
    exit(code): never {
      throw new FakeExit(code);
    },
  };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function asText(content: string | Uint8Array): string {
  return typeof content === 'string' ? content : new TextDecoder().decode(content);
}

function asBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(text);
}
