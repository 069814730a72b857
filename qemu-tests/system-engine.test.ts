import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { plainUserData } from './support/machine.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { testOutputFolder } from './support/test-workshop.ts';
import { type Wait, waitFor } from './support/wait-for.ts';

promise('the system engine: what services do, why, and what they say', () => {
  let machine: TestMachine;
  const syslog = { text: '' };
  const posts: string[] = [];
  let tcp: TcpServer;
  let http: Server;
  const run = (command: string) => machine.guest.run(command);

  afterAll(() => {
    tcp?.close();
    http?.close();
  });

  step('a machine whose user-data has the log sent to two places boots', async () => {
    tcp = createTcpServer((socket) => {
      socket.on('data', (bytes) => {
        syslog.text += bytes.toString('utf8');
      });
      socket.on('error', () => {});
    });
    http = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes) => {
        body += bytes;
      });
      request.on('end', () => {
        posts.push(`${request.headers['content-type']}\n${body}`);
        response.end();
      });
    });
    const ports = await Promise.all([listen(tcp), listen(http)]);
    machine = await makeTestMachine({
      test: 'system-engine',
      recipe: './qemu-tests/recipes/watched',
      userData: (key) =>
        `${plainUserData(key)}log_forward:\n  - syslog+tcp://10.0.2.2:${ports[0]}\n  - json+http://10.0.2.2:${ports[1]}/logs\n`,
    });
    await machine.boot();
  });

  step('top: what each service uses, once, for people and for machines', async () => {
    const text = await run('keelctl top --no-stream');
    remark(`keelctl top --no-stream\n${text}`);
    const rows = JSON.parse(await run('keelctl top --json')) as readonly Record<string, number | string>[];
    const sshd = rows.find(({ name }) => name === 'sshd');
    expect(sshd?.memoryBytes).toBeGreaterThan(1_000_000);
    expect(sshd?.pids).toBeGreaterThan(1);
    expect(sshd?.readBytesPerSecond).not.toBeNull();
    expect(sshd?.memoryLimitBytes).toBe(512 * 1024 * 1024);
  });

  step('inspect: what a service may do', async () => {
    expect(await run('keelctl inspect time')).toContain('capabilities  CAP_SYS_TIME');
    const { config, state } = JSON.parse(await run('keelctl inspect --json time'));
    expect(state).toBe('running');
    expect(config.process.args[0]).toBe('/usr/sbin/chronyd');
  });

  step('one that needs a healthy service starts only when the check ends well', async () => {
    expect((await machine.guest.service('dependant')).state).toBe('waiting');
    const why = await run('keelctl why dependant');
    remark(why);
    expect(why).toContain('no   ailing has been healthy (needs; it is running)');
    await run('touch /var/lib/keelson/services/ailing/var-data/well');
    await waitForState('dependant', 'running');
    expect(await run('keelctl ps | grep ailing')).toContain('running (healthy)');
  });

  step('what becomes unhealthy is shown, and is an event', async () => {
    await run('rm /var/lib/keelson/services/ailing/var-data/well');
    await until(async () => expect(await run('keelctl ps | grep ailing')).toContain('(unhealthy)'), {
      what: 'ailing to be unhealthy',
      deadlineMs: 60_000,
    });
    const events = (await run('keelctl events --boot --json ailing'))
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['start', 'ready', 'healthy', 'unhealthy']);
    expect(events.at(-1).message).toBe('there is no /var/data/well');
    await waitForState('dependant', 'running');
  });

  step('events are followed: a service that is killed, and starts again', async () => {
    await run('(timeout 40 keelctl events -f -n 1 --json time >/tmp/followed 2>&1 &)');
    const { pid } = await machine.guest.service('time');
    await run(`kill -KILL ${pid}`);
    await until(
      async () => {
        const text = await run('cat /tmp/followed');
        expect(text.slice(text.indexOf('"exit"'))).toContain('"ready"');
      },
      { what: 'the new start in the events', deadlineMs: 60_000 },
    );
    expect(await run('cat /tmp/followed')).toContain('"event":"exit","code":137');
    expect(await run('keelctl why time')).toContain('killed by SIGKILL');
  });

  step('boot: a timeline, and a chart in SVG', async () => {
    const text = await run('keelctl boot');
    remark(`keelctl boot\n${text}`);
    for (const name of ['kernel', 'initramfs', 'coldplug', 'state', 'provision', 'sshd']) {
      expect(text).toMatch(new RegExp(`^${name} `, 'm'));
    }
    const svg = await run('keelctl boot --svg');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>$/);
    await mkdir(join(testOutputFolder, 'system-engine'), { recursive: true });
    await writeFile(join(testOutputFolder, 'system-engine', 'boot.svg'), svg);
  });

  step('shell: busybox in all namespaces of a service that has none', async () => {
    expect(await run('ls /usr/lib/keelson/services/time/rootfs/usr/bin')).not.toContain('busybox');
    expect(await run('keelctl shell time ls /')).toContain('etc');
    expect(await run('keelctl shell time ls /usr/sbin')).toBe('chronyd');
    // Its own processes, and its own root.
    const processes = await run('keelctl shell time ps');
    expect(processes).toContain('/usr/sbin/chronyd');
    expect(processes).not.toContain('finit');
    const { pid } = await machine.guest.service('time');
    expect(await run('keelctl shell time readlink /proc/self/ns/mnt')).toBe(
      await run(`readlink /proc/${pid}/ns/mnt`),
    );
    expect(await machine.guest.try('keelctl shell time false')).toMatchObject({ exitCode: 1 });
  });

  step('logs: time, service, stream and level; of one service, of all, followed', async () => {
    const lines = (await run('keelctl logs --json ailing')).split('\n').map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ service: 'ailing', stream: 'stdout', message: 'I have begun' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        service: 'ailing',
        stream: 'stderr',
        level: 'warning',
        message: 'level=warn msg="not well"',
      }),
    );
    expect(await run('keelctl logs -n 5000')).toMatch(/ kernel kernel (info|notice|warning): /);
    await run('(timeout 20 keelctl logs -f -n 1 >/tmp/followed-log 2>&1 &)');
    await run('busybox logger -p user.err -t tester one and only');
    await until(
      async () => expect(await run('cat /tmp/followed-log')).toContain('tester syslog err: one and only'),
      { what: 'the line in the log that is followed', deadlineMs: 30_000 },
    );
  });

  step('a log service that is killed comes back, and hears every service again', async () => {
    const before = await machine.guest.service('log');
    await run(`kill -KILL ${before.pid}`);
    await until(
      async () => {
        const { state, pid } = await machine.guest.service('log');
        expect(state).toBe('running');
        expect(pid).not.toBe(before.pid);
      },
      { what: 'the log to run again', deadlineMs: 60_000 },
    );
    const { seq } = JSON.parse(await run('keelctl logs --json -n 1'));
    // crun gave its pipes to the user that it runs as.
    await run('keelctl restart time');
    await until(
      async () => {
        const last = JSON.parse(await run('keelctl logs --json -n 200 time | grep stderr | tail -n 1'));
        expect(last.seq).toBeGreaterThan(seq);
      },
      { what: 'a new line of time', deadlineMs: 60_000 },
    );
  });

  step('the log is sent by syslog (RFC 5424) and as JSON', async () => {
    await until(async () => expect(syslog.text).toContain('one and only'), {
      what: 'the line at the syslog server',
      deadlineMs: 60_000,
    });
    expect(syslog.text).toMatch(
      /(?:^|\D)\d+ <27>1 \d{4}-\d\d-\d\dT[\d:.]+Z keelson tester - syslog \[meta sequenceId="\d+"\] one and only/,
    );
    expect(syslog.text).toContain('keelson ailing - stdout');
    await until(async () => expect(posts.join('\n')).toContain('one and only'), {
      what: 'the line at the HTTP server',
      deadlineMs: 60_000,
    });
    expect(posts[0]).toMatch(/^application\/x-ndjson\n\{"seq":/);
  });

  step('what was said before a power cut is there after it', async () => {
    await run('busybox logger -t tester before the cut');
    await until(async () => expect(await run('keelctl logs -n 50')).toContain('before the cut'), {
      what: 'the line in the log',
      deadlineMs: 20_000,
    });
    // The log's promise: on the disk after five seconds. The machine's own clock says when they are over.
    await run('sleep 6');
    const last = (await run('keelctl logs --json -n 1')).trim();
    await machine.cutPower();
    await machine.boot();
    expect(await run('keelctl logs -n 5000')).toContain('before the cut');
    const { seq } = JSON.parse(last);
    expect(JSON.parse(await run('keelctl logs --json -n 1')).seq).toBeGreaterThan(seq);
    expect(await run('keelctl events ailing')).toContain('ailing  healthy');
  });

  step('supervision costs at most a megabyte a service', async () => {
    const script =
      'for p in $(pidof run-service crun); do [ -e /proc/$p/smaps_rollup ] || continue; ' +
      'case "$(tr "\\0" " " </proc/$p/cmdline)" in *run-service*|"crun run"*) ' +
      'awk "/^Private_(Clean|Dirty)/ {s+=\\$2} END {print s}" /proc/$p/smaps_rollup;; esac; done';
    const sizes = (await run(script)).split('\n').map(Number);
    const services = (await machine.guest.services()).filter(({ state }) => state === 'running');
    const total = sizes.reduce((sum, size) => sum + size, 0);
    remark(
      `private memory of ${sizes.length} processes of supervision: ${total} KiB for ${services.length} services`,
    );
    remark(await run('free -k | head -2'));
    expect(total / services.length).toBeLessThan(1024);
  });

  async function waitForState(name: string, state: string): Promise<void> {
    await until(async () => expect(await machine.guest.service(name)).toMatchObject({ state }), {
      what: `${name} to be ${state}`,
      deadlineMs: 60_000,
    });
  }
});

/** Until nothing that `look` expects is otherwise. */
function until(look: () => Promise<unknown>, wait: Wait): Promise<true> {
  return waitFor(async () => {
    await look();
    return true as const;
  }, wait);
}

async function listen(server: TcpServer | Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
