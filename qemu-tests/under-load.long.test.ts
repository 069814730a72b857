import { expect } from '@jest/globals';
import type { GuestService } from './support/guest.ts';
import { importBox } from './support/import-box.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { waitFor } from './support/wait-for.ts';

/** From the first packet to the answer of a command; at rest it takes 2 to 4 s under TCG. */
const loginDeadlineMs = 20_000;
const logins = 6;

/** Containers that take what they can get, each by the whole command of its first process. */
const greedy: Readonly<Record<string, string>> = {
  // Without an end of line there is no last line: it keeps all that it has read, until the kernel ends it.
  memory: 'while :; do /bin/busybox tail /dev/zero; done',
  processors: 'for each in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait',
  // Half of what the state partition has: other containers must find room.
  cache:
    'while :; do /bin/busybox dd if=/dev/zero of=/load/fill bs=1M count=48 2>/dev/null; cat /load/fill >/dev/null; done',
};
const forking = 'while :; do sleep 3600 & done';

promise('users’ containers that take all there is leave the system tier what it needs', () => {
  let machine: TestMachine;
  /** Before there was a load. */
  let before: readonly string[];

  const run = (command: string) => machine.guest.run(command);

  /** `NAME 123` or `NAME:  123 kB`, a line for each name. */
  const readField = async (path: string, name: string): Promise<number> =>
    Number((await run(`sed -En 's/^${name}:? +([0-9]+).*/\\1/p' ${path}`)) || Number.NaN);
  const workloads = '/sys/fs/cgroup/workloads';
  const killsOf = (group: string) => readField(`/sys/fs/cgroup/${group}/memory.events`, 'oom_kill');

  /** What a restart would change. */
  const listServices = async (): Promise<readonly string[]> =>
    (await machine.guest.services()).map(describeService);

  const startContainer = (name: string, command: string) =>
    run(`docker run -d --name ${name} --restart always -v /root/load:/load box /bin/sh -c '${command}'`);

  /** Each by a connection of its own. */
  const logInAgainAndAgain = async (): Promise<void> => {
    const usage = () => readField(`${workloads}/cpu.stat`, 'usage_usec');
    const uptime = async () => Number((await run('cat /proc/uptime')).split(' ')[0]);
    const [usedBefore, from] = [await usage(), await uptime()];
    const seconds: number[] = [];
    for (let count = 0; count < logins; count++) {
      machine.guest.disconnect();
      const startedAt = Date.now();
      await machine.guest.waitUntilReachable(loginDeadlineMs);
      seconds.push((Date.now() - startedAt) / 1000);
    }
    const share = ((await usage()) - usedBefore) / 1e4 / ((await uptime()) - from);
    remark(
      `logins took ${seconds.map((each) => each.toFixed(1)).join(', ')} s, while containers had ${share.toFixed(0)} % of a processor`,
    );
    // There was a load; of the two processors logins need a good part of one.
    expect(share).toBeGreaterThan(50);
  };

  step('a machine of the recipe docker boots, and keeps memory and processes back', async () => {
    machine = await makeTestMachine({ test: 'under-load', recipe: 'docker', memoryMiB: 1024 });
    await machine.boot();
    await waitFor(async () => (await machine.guest.try('docker version')).exitCode === 0, {
      what: 'the engine to answer',
      deadlineMs: 90_000,
    });
    await importBox(machine.guest);
    before = await waitFor(
      async () => {
        const services = await machine.guest.services();
        const isAtRest = services.every(({ state }) => state === 'running' || state === 'done');
        return isAtRest && services.map(describeService);
      },
      { what: 'all services to have started', deadlineMs: 120_000 },
    );
    const total = await readField('/proc/meminfo', 'MemTotal');
    const [reserved, most, processes] = (
      await run(`cat /sys/fs/cgroup/services/memory.min ${workloads}/memory.max ${workloads}/pids.max`)
    )
      .split('\n')
      .map(Number);
    remark(
      `of ${total} KiB services keep ${reserved} bytes, containers end at ${most} and ${processes} processes`,
    );
    expect(Number(most)).toBeLessThan(total * 1024 - Number(reserved));
    expect(Number(processes)).toBeGreaterThan(0);
    expect(await readField('/proc/vmstat', 'oom_kill')).toBe(0);
  });

  step('containers take all memory, all processors and the page cache', async () => {
    for (const [name, command] of Object.entries(greedy)) await startContainer(name, command);
    await waitFor(async () => (await killsOf('workloads')) >= 3, {
      what: 'the kernel to end programs of containers',
      deadlineMs: 120_000,
    });
  });

  step('each login over SSH is answered in time', logInAgainAndAgain);

  step('so it is while another forks without end', async () => {
    await startContainer('forks', forking);
    // Whichever comes to its end first, memory or processes.
    const kills = await killsOf('workloads');
    await waitFor(
      async () => {
        const isFull = (await readField(`${workloads}/pids.events`, 'max')) > 0;
        const count = Number(await run(`cat ${workloads}/pids.current`));
        return isFull || (count > 500 && (await killsOf('workloads')) > kills);
      },
      { what: 'hundreds of processes', deadlineMs: 180_000 },
    );
    await logInAgainAndAgain();
  });

  step('the engine and the services answer, and none was started again', async () => {
    expect((await run("docker ps --format '{{.Names}}'")).split('\n')).toContain('processors');
    expect(await listServices()).toEqual(before);
  });

  step('when the containers are gone, every program that the kernel ended was theirs', async () => {
    await run(`docker rm -f ${Object.keys(greedy).join(' ')} forks`);
    expect(await killsOf('services')).toBe(0);
    const kills = await killsOf('workloads');
    remark(`the kernel ended ${kills} programs of containers`);
    expect(await readField('/proc/vmstat', 'oom_kill')).toBe(kills);
    expect(await listServices()).toEqual(before);
    expect(await run('docker run --rm box /bin/id -u')).toBe('0');
  });
});

function describeService({ name, state, pid, restarts }: GuestService): string {
  return `${name} ${state} ${pid ?? '-'}, restarts: ${restarts}`;
}
