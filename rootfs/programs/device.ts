// Over 300 lines: no other file may import QuickJS's modules.
// biome-ignore lint/style/useNodejsImportProtocol: this is QuickJS's module of that name, not Node's.
import * as os from 'os';
import * as std from 'std';

/** What `lstat` says, links not followed. */
export interface FileStatus {
  readonly type: 'file' | 'folder' | 'link' | 'block' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface CommandOutcome {
  /** 127 when the command does not exist, 128 + signal when it was killed. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The one door between a device program and the machine. Everything is synchronous: a program is one straight line
 * that runs to its end. Paths are absolute. What cannot be done throws a `DeviceError`.
 */
export interface Device {
  /** Command-line arguments after the program's own name. */
  readonly arguments: readonly string[];
  environmentVariable(name: string): string | undefined;
  /**
   * Text as UTF-8; `undefined` when there is no such file. Reads no more than `limitBytes` (default 16 MiB) and throws
   * when there is more.
   */
  readFile(path: string, limitBytes?: number): string | undefined;
  /** Up to `length` bytes from `offset` of a file or block device; fewer at its end, `undefined` when it is missing. */
  readBytes(path: string, offset: number, length: number): Uint8Array | undefined;
  /** Replaces the content in place; for /proc, /sys, and files in memory. */
  writeFile(path: string, content: string | Uint8Array, mode?: number): void;
  /** At the end of the file, which is made when it is missing; whole lines of several programs do not mix. */
  appendFile(path: string, content: string, mode?: number): void;
  /** Old content or new content after a power cut, never a part: written aside, renamed, flushed. */
  writeFileDurably(path: string, content: string | Uint8Array, mode?: number): void;
  /** Sorted names; empty when there is no such folder. */
  list(folder: string): readonly string[];
  status(path: string): FileStatus | undefined;
  /** What a symbolic link says; `undefined` when it is none. */
  readLink(path: string): string | undefined;
  /** The path with every link resolved; `undefined` when it does not exist. */
  realPath(path: string): string | undefined;
  /** Makes missing parents too; nothing happens when it exists. */
  makeFolder(path: string, mode?: number): void;
  /** Makes or replaces a symbolic link. */
  makeLink(target: string, path: string): void;
  rename(from: string, to: string): void;
  /** A file, link or empty folder; nothing happens when it is missing. */
  remove(path: string): void;
  /** Runs to the end, found on PATH unless it is a path; an exit code other than 0 is an answer, not an exception. */
  run(command: readonly string[], options?: { readonly input?: string }): CommandOutcome;
  /** Runs with the program's own terminal and gives the exit code; an interrupt reaches only the command. */
  runAttached(command: readonly string[]): number;
  /**
   * After the program's main function has returned, what the inputs have to say goes to `onBytes`, each in its turn, with the
   * place of the input in the list. An input is a named pipe, that never comes to an end, or the kernel's log, of which each
   * call has one record. One that cannot be opened is told on standard error, and left out. The program then runs until `exit`.
   */
  watchInputs(paths: readonly string[], onBytes: (input: number, bytes: Uint8Array) => void): void;
  /** Called once, after that time; only where `watchInputs` is at work. */
  callLater(ms: number, action: () => void): void;
  /** Called when the program is asked to end (SIGTERM); it does not end by itself then. */
  onTerminate(action: () => void): void;
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number): void;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** One line on standard output. */
  print(line: string): void;
  /** One line on standard error. */
  printError(line: string): void;
  exit(code: number): never;
}

export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

const defaultPath = '/usr/sbin:/usr/bin:/sbin:/bin';
const defaultLimitBytes = 16 * 1024 * 1024;
/** The same number on x86-64 and arm64 (asm-generic/fcntl.h); QuickJS does not name it. */
const O_SYNC = 0o4010000;
const O_NONBLOCK = 0o4000;
const SIGTERM = 15;
const errorNumbers = { ENOENT: 2, EINTR: 4, EAGAIN: 11, EEXIST: 17, ENOTDIR: 20, EPIPE: 32 } as const;
/** As much as a pipe holds. */
const inputBytes = 65_536;
/** Records of the kernel's log that are read before others have their turn. */
const mostRecords = 64;

/** The machine itself. */
export function openDevice(): Device {
  if (std.getenv('PATH') === undefined) {
    std.setenv('PATH', defaultPath);
  }
  return {
    arguments: scriptArgs.slice(1),
    environmentVariable: (name) => std.getenv(name),
    readFile,
    readBytes,
    writeFile: (path, content, mode = 0o644) => write(path, content, mode, os.O_TRUNC),
    appendFile: (path, content, mode = 0o644) => write(path, content, mode, os.O_APPEND),
    writeFileDurably,
    list,
    status,
    readLink(path) {
      const [target, errno] = os.readlink(path);
      return errno === 0 ? target : undefined;
    },
    realPath(path) {
      const [target, errno] = os.realpath(path);
      return errno === 0 ? target : undefined;
    },
    makeFolder,
    makeLink(target, path) {
      const aside = `${path}.new`;
      os.remove(aside);
      check(os.symlink(target, aside), `make link ${path}`);
      check(os.rename(aside, path), `make link ${path}`);
    },
    rename: (from, to) => check(os.rename(from, to), `rename ${from} to ${to}`),
    remove(path) {
      const result = os.remove(path);
      if (result !== -errorNumbers.ENOENT) {
        check(result, `remove ${path}`);
      }
    },
    run,
    runAttached,
    watchInputs,
    callLater: (ms, action) => {
      os.setTimeout(action, ms);
    },
    onTerminate: (action) => os.signal(SIGTERM, action),
    now: () => Date.now(),
    sleep: (ms) => {
      os.sleep(ms);
    },
    isTerminal: os.isatty(1),
    print(line) {
      std.out.puts(`${line}\n`);
      std.out.flush();
    },
    printError(line) {
      std.err.puts(`${line}\n`);
      std.err.flush();
    },
    exit: (code) => std.exit(code),
  };
}

function readFile(path: string, limitBytes = defaultLimitBytes): string | undefined {
  const failure: { errno?: number } = {};
  const file = std.open(path, 'r', failure);
  if (file === null) {
    if (failure.errno === errorNumbers.ENOENT || failure.errno === errorNumbers.ENOTDIR) {
      return undefined;
    }
    throw new DeviceError(`Cannot read ${path}: ${std.strerror(failure.errno ?? 0)}.`);
  }
  // One byte more than allowed tells a file that is too large without reading it all.
  const text = file.readAsString(limitBytes + 1);
  const hasFailed = file.error();
  file.close();
  if (hasFailed) {
    throw new DeviceError(`Cannot read ${path}: input or output error.`);
  }
  if (text.length > limitBytes) {
    throw new DeviceError(`Cannot read ${path}: it is larger than ${limitBytes} bytes.`);
  }
  return text;
}

function readBytes(path: string, offset: number, length: number): Uint8Array | undefined {
  const failure: { errno?: number } = {};
  const file = std.open(path, 'r', failure);
  if (file === null) {
    if (failure.errno === errorNumbers.ENOENT) {
      return undefined;
    }
    throw new DeviceError(`Cannot read ${path}: ${std.strerror(failure.errno ?? 0)}.`);
  }
  const bytes = new Uint8Array(length);
  file.seek(offset, std.SEEK_SET);
  const count = file.read(bytes.buffer, 0, length);
  const hasFailed = file.error();
  file.close();
  if (hasFailed) {
    throw new DeviceError(`Cannot read ${path}: input or output error.`);
  }
  return bytes.subarray(0, count);
}

function write(path: string, content: string | Uint8Array, mode: number, extraFlags: number): void {
  const fd = os.open(path, os.O_WRONLY | os.O_CREAT | extraFlags, mode);
  check(fd, `write ${path}`);
  const file = std.fdopen(fd, 'w');
  if (file === null) {
    os.close(fd);
    throw new DeviceError(`Cannot write ${path}: no stream.`);
  }
  if (typeof content === 'string') {
    file.puts(content);
  } else {
    file.write(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
  }
  file.flush();
  const hasFailed = file.error();
  // Closing is where a full disk may show.
  const closed = file.close();
  if (hasFailed || closed !== 0) {
    throw new DeviceError(`Cannot write ${path}: input or output error.`);
  }
}

function writeFileDurably(path: string, content: string | Uint8Array, mode = 0o644): void {
  const aside = `${path}.new`;
  os.remove(aside);
  write(aside, content, mode, os.O_TRUNC | O_SYNC);
  check(os.rename(aside, path), `replace ${path}`);
  // QuickJS has no fsync, and the rename must reach the disk too.
  const outcome = run(['sync', '-f', path]);
  if (outcome.exitCode !== 0) {
    throw new DeviceError(`Cannot flush ${path}: ${outcome.stderr.trim()}`);
  }
}

function list(folder: string): readonly string[] {
  const [names, errno] = os.readdir(folder);
  if (errno !== 0) {
    if (errno === errorNumbers.ENOENT || errno === errorNumbers.ENOTDIR) {
      return [];
    }
    throw new DeviceError(`Cannot list ${folder}: ${std.strerror(errno)}.`);
  }
  return names.filter((name) => name !== '.' && name !== '..').sort();
}

function status(path: string): FileStatus | undefined {
  const [found, errno] = os.lstat(path);
  if (errno !== 0) {
    return undefined;
  }
  return {
    type: fileTypes.get(found.mode & os.S_IFMT) ?? 'other',
    mode: found.mode & 0o7777,
    uid: found.uid,
    gid: found.gid,
    sizeBytes: found.size,
    modifiedAt: found.mtime,
  };
}

const fileTypes = new Map<number, FileStatus['type']>([
  [os.S_IFREG, 'file'],
  [os.S_IFDIR, 'folder'],
  [os.S_IFLNK, 'link'],
  [os.S_IFBLK, 'block'],
]);

function makeFolder(path: string, mode = 0o755): void {
  const parts = path.split('/').filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth++) {
    const folder = `/${parts.slice(0, depth).join('/')}`;
    const result = os.mkdir(folder, depth === parts.length ? mode : 0o755);
    // A read-only parent answers EROFS before EEXIST is looked at, so ask whether it is there.
    if (result < 0 && os.stat(folder)[1] !== 0) {
      check(result, `make folder ${folder}`);
    }
  }
}

function run(command: readonly string[], options: { readonly input?: string } = {}): CommandOutcome {
  const pipe = os.pipe();
  if (pipe === null) {
    throw new DeviceError(`Cannot run ${command[0]}: no pipe.`);
  }
  const [readEnd, writeEnd] = pipe;
  // Files for input and errors: a second pipe could fill up while the first is read, and both sides would wait.
  const input = options.input === undefined ? undefined : temporaryFile(options.input);
  const errors = std.tmpfile();
  const nothing = os.open('/dev/null', os.O_RDONLY);
  const pid = os.exec(command, {
    block: false,
    usePath: true,
    stdin: input?.fileno() ?? nothing,
    stdout: writeEnd,
    stderr: errors?.fileno() ?? writeEnd,
  });
  os.close(writeEnd);
  const output = std.fdopen(readEnd, 'r');
  const stdout = output?.readAsString() ?? '';
  output?.close();
  const exitCode = waitFor(pid);
  input?.close();
  if (nothing >= 0) {
    os.close(nothing);
  }
  errors?.seek(0, std.SEEK_SET);
  const stderr = errors?.readAsString() ?? '';
  errors?.close();
  return { exitCode, stdout, stderr };
}

function runAttached(command: readonly string[]): number {
  // A handler, not "ignore": the command would inherit the latter.
  os.signal(os.SIGINT, () => {});
  const exitCode = waitFor(os.exec(command, { block: false, usePath: true }));
  os.signal(os.SIGINT, undefined);
  return exitCode;
}

/**
 * QuickJS calls one handler each time it has waited, the first in its list that has something: a service that writes without
 * end would be the only one heard. So whoever has something, all are asked.
 */
function watchInputs(paths: readonly string[], onBytes: (input: number, bytes: Uint8Array) => void): void {
  const inputs = paths.map(openInput);
  const buffer = new Uint8Array(inputBytes);
  const readOne = (input: number): boolean => {
    const count = os.read(inputs[input] ?? -1, buffer.buffer, 0, inputBytes);
    if (count > 0) onBytes(input, buffer.subarray(0, count));
    // The kernel's log: older records were overwritten, and the next read goes on with what there is.
    return count > 0 || count === -errorNumbers.EPIPE;
  };
  const readAll = () => {
    for (const [input, path] of paths.entries()) {
      const most = path === '/dev/kmsg' ? mostRecords : 1;
      for (let count = 0; count < most && readOne(input); count += 1);
    }
  };
  for (const fd of inputs) if (fd >= 0) os.setReadHandler(fd, readAll);
}

/** A pipe is opened for writing too: so it has no end when the last of its writers has gone. */
function openInput(path: string): number {
  const fd = os.open(path, (path === '/dev/kmsg' ? os.O_RDONLY : os.O_RDWR) | O_NONBLOCK);
  if (fd < 0) std.err.puts(`Cannot read ${path}: ${std.strerror(-fd)}.\n`);
  return fd;
}

/** wait(2): the low seven bits are the signal, the next byte the exit code. */
function waitFor(pid: number): number {
  for (;;) {
    const [result, status] = os.waitpid(pid, 0);
    if (result === pid) {
      const signal = status & 0x7f;
      return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
    }
    if (result !== -errorNumbers.EINTR) {
      throw new DeviceError(`Cannot wait for process ${pid}: ${std.strerror(-result)}.`);
    }
  }
}

function temporaryFile(content: string): std.StdFile {
  const file = std.tmpfile();
  if (file === null) {
    throw new DeviceError('Cannot make a temporary file in /tmp.');
  }
  file.puts(content);
  file.flush();
  file.seek(0, std.SEEK_SET);
  return file;
}

function check(result: number, action: string): void {
  if (result < 0) {
    throw new DeviceError(`Cannot ${action}: ${std.strerror(-result)}.`);
  }
}
