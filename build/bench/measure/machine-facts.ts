import type { Guest } from '../../../qemu-tests/support/guest.ts';
import { waitFor } from '../../../qemu-tests/support/wait-for.ts';
import type { BuildHost } from '../../host/build-host.ts';
import { listeningPorts } from './listening-ports.ts';
import { userProcesses } from './user-processes.ts';

/** What a machine is like when nobody uses it. */
export interface MachineFacts {
  /** MemTotal − MemAvailable of proc_meminfo(5), looked at several times. */
  readonly usedBytes: readonly number[];
  /** Names of all processes that are not the kernel's, sorted. */
  readonly processes: readonly string[];
  /** Such as `tcp 22`, sorted. */
  readonly ports: readonly string[];
  /** Paths below the machine's root, on its own file system; containers' roots are part of it. */
  readonly setUidFiles: readonly string[];
}

/** The machine is left alone for a minute, then looked at six times in half a minute. */
const settleSeconds = 60;
const looks = 6;
const secondsBetween = 5;
/** Where it writes: memory on all machines. */
const place = '/run/bench-facts';

/**
 * What the machine is asked, by a shell that it runs by itself while nobody is logged in: a session would be counted too. The
 * network of PID 1 is the machine's; so is its root.
 */
const probe = `
  echo $$ >${place}/pid
  sleep ${settleSeconds}
  for look in ${Array.from({ length: looks }, (_, index) => index + 1).join(' ')}; do
    cat /proc/meminfo >>${place}/memory
    sleep ${secondsBetween}
  done
  cat /proc/[0-9]*/stat >${place}/processes 2>/dev/null
  for name in tcp tcp6 udp udp6; do cat /proc/1/net/$name >${place}/$name 2>/dev/null; done
  find /proc/1/root/ -xdev -type f -perm -4000 >${place}/set-uid 2>/dev/null
  touch ${place}/done`;

export async function readFacts(guest: Guest, wait: BuildHost['wait']): Promise<MachineFacts> {
  await guest.run(`mkdir -p ${place} && cat >${place}/probe <<'END'\n${probe}\nEND`);
  await guest.run(`setsid sh ${place}/probe >/dev/null 2>&1 </dev/null &`);
  guest.disconnect();
  await wait((settleSeconds + looks * secondsBetween) * 1000);
  const isDone = async (): Promise<boolean> => (await guest.try(`test -e ${place}/done`)).exitCode === 0;
  await waitFor(isDone, { what: "the machine's own look at itself", deadlineMs: 180_000 });
  const read = async (name: string): Promise<string> =>
    (await guest.try(`cat ${place}/${name} 2>/dev/null`)).stdout;
  const tables = await Promise.all(
    (['tcp', 'tcp6', 'udp', 'udp6'] as const).map(async (name) => ({ name, text: await read(name) })),
  );
  return {
    usedBytes: usedMemory(await read('memory')),
    processes: userProcesses(await read('processes'), Number(await read('pid'))),
    ports: listeningPorts(tables),
    setUidFiles: (await read('set-uid'))
      .split('\n')
      .filter((path) => path !== '')
      .map((path) => path.replace('/proc/1/root/', '/').replace('//', '/'))
      .sort(),
  };
}

/** Of one or more texts of /proc/meminfo. */
export function usedMemory(text: string): number[] {
  const all = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'gm'))].map(([, kiB]) => Number(kiB) * 1024);
  const available = all('MemAvailable');
  return all('MemTotal').map((total, index) => total - (available[index] ?? Number.NaN));
}
