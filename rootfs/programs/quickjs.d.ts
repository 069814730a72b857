/**
 * The part of QuickJS's two modules that `device.ts` uses.
 * https://bellard.org/quickjs/quickjs.html#Standard-library; checked against Debian's 2025.04.26.
 */
declare module 'std' {
  export interface StdFile {
    close(): number;
    puts(text: string): void;
    flush(): void;
    seek(offset: number, whence: number): number;
    fileno(): number;
    error(): boolean;
    read(buffer: ArrayBuffer, position: number, length: number): number;
    write(buffer: ArrayBuffer, position: number, length: number): number;
    readAsString(maxSize?: number): string;
  }
  const SEEK_SET: number;
  const out: StdFile;
  const err: StdFile;
  function exit(code: number): never;
  function getenv(name: string): string | undefined;
  function setenv(name: string, value: string): void;
  function strerror(errno: number): string;
  function open(path: string, flags: string, error?: { errno?: number }): StdFile | null;
  function fdopen(fd: number, flags: string, error?: { errno?: number }): StdFile | null;
  function tmpfile(error?: { errno?: number }): StdFile | null;
}

declare module 'os' {
  export interface QuickJsStat {
    mode: number;
    uid: number;
    gid: number;
    size: number;
    /** Milliseconds since the epoch. */
    mtime: number;
  }
  export interface ExecOptions {
    block?: boolean;
    usePath?: boolean;
    stdin?: number;
    stdout?: number;
    stderr?: number;
  }
  const O_RDONLY: number;
  const O_WRONLY: number;
  const O_CREAT: number;
  const O_RDWR: number;
  const O_APPEND: number;
  const O_TRUNC: number;
  const SIGINT: number;
  const S_IFMT: number;
  const S_IFREG: number;
  const S_IFDIR: number;
  const S_IFLNK: number;
  const S_IFBLK: number;
  /** A negative result of these is `-errno`. */
  function open(path: string, flags: number, mode?: number): number;
  function close(fd: number): number;
  function read(fd: number, buffer: ArrayBuffer, offset: number, length: number): number;
  function setReadHandler(fd: number, handler: (() => void) | null): void;
  function setTimeout(handler: () => void, delayMs: number): unknown;
  function isatty(fd: number): boolean;
  function remove(path: string): number;
  function rename(from: string, to: string): number;
  function mkdir(path: string, mode?: number): number;
  function symlink(target: string, path: string): number;
  function readlink(path: string): [string, number];
  function realpath(path: string): [string, number];
  function readdir(path: string): [string[], number];
  function stat(path: string): [QuickJsStat, number];
  function lstat(path: string): [QuickJsStat, number];
  function pipe(): [number, number] | null;
  function exec(command: readonly string[], options?: ExecOptions): number;
  function waitpid(pid: number, options: number): [number, number];
  function sleep(ms: number): number;
  /** `undefined` restores the default action, `null` ignores the signal. */
  function signal(signal: number, handler: (() => void) | null | undefined): void;
}

declare const scriptArgs: string[];
