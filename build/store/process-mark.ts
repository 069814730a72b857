import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A name for this process that no later process can have: pid, start time, and the pid namespace it counts in
 * (a store may be shared with a container).
 */
export function processMark(): string {
  return `${process.pid}-${startTime(process.pid) ?? 0}-${pidNamespace()}`;
}

/**
 * Whether the process of a mark is gone. A process of another pid namespace cannot be seen from here: `unknown`.
 */
export function markState(mark: string): 'alive' | 'dead' | 'unknown' {
  const [pid, start, namespace] = mark.split('-');
  if (namespace !== pidNamespace()) return 'unknown';
  return startTime(Number(pid)) === start ? 'alive' : 'dead';
}

/** Field 22 of /proc/PID/stat; the second field may hold spaces and brackets. */
function startTime(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '0';
  }
}
