/** Its children are the kernel's threads; so is it. */
const kernelThreads = 2;

interface ProcessRow {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
}

/**
 * Names of the processes in lines of /proc/PID/stat (proc_pid_stat(5)), sorted: without the kernel's threads, and without `self` (the
 * shell that looked) and what it started.
 */
export function userProcesses(lines: string, self: number): string[] {
  const rows = lines.split('\n').flatMap(readRow);
  return rows
    .filter(({ pid, parent }) => pid !== kernelThreads && parent !== kernelThreads)
    .filter(({ pid, parent }) => pid !== self && parent !== self)
    .map(({ name }) => name)
    .sort();
}

/** The name is in parentheses, and may have some itself: it ends with the last. */
function readRow(line: string): ProcessRow[] {
  const [, pid, name, parent] = /^(\d+) \((.*)\) \S (\d+) /.exec(line) ?? [];
  return name === undefined ? [] : [{ pid: Number(pid), name, parent: Number(parent) }];
}
