import { describe, expect, test } from '@jest/globals';
import { drawBootChart } from './boot-chart.ts';
import { engine, eventFile, logFile, makeMachine, run } from './demo-machine.ts';
import { appendEvent } from './event-record.ts';
import { runKeelctl } from './run-keelctl.ts';

const record = '/var/lib/keelson/events/events.jsonl';
const log = '/var/lib/keelson/log/log.jsonl';

describe('events', () => {
  const files = {
    '/var/lib/keelson/events/events.1.jsonl': eventFile([{ boot: 'old', service: 'log', event: 'start' }]),
    [record]: `${eventFile([
      { service: 'sshd', event: 'start' },
      { service: 'sshd', event: 'exit', code: 137 },
      { service: 'sshd', event: 'exit', code: 143, isTold: true },
      { service: 'sshd', event: 'exit' },
      { service: 'network', event: 'unhealthy', message: 'no answer in 5 s' },
    ])}{"at":17637`,
  };
  test('of all boots; a torn line is none', () => {
    expect(run('events', { files }).printed).toEqual([
      '2025-11-21 08:50:31  log  start',
      '2025-11-21 08:50:31  sshd  start',
      '2025-11-21 08:50:31  sshd  exit  killed by SIGKILL',
      '2025-11-21 08:50:31  sshd  exit  killed by SIGTERM, as it was told to',
      '2025-11-21 08:50:31  sshd  exit  exit code not known',
      '2025-11-21 08:50:31  network  unhealthy  no answer in 5 s',
    ]);
  });
  test('of one service, of this boot, as JSON', () => {
    expect(run('events --boot log', { files }).printed).toEqual([]);
    const [first = ''] = run('events --json -n 1 sshd', { files }).printed;
    expect(JSON.parse(first)).toMatchObject({ service: 'sshd', event: 'exit' });
  });
  test('state is full: whoever tells an event goes on', () => {
    const device = makeMachine('ps');
    const full = {
      ...device,
      appendFile: () => {
        throw new Error('No space left on device');
      },
    };
    expect(() => appendEvent(full, { service: 'sshd', event: 'healthy' })).not.toThrow();
  });
});

describe('why', () => {
  test('a service that waits for one that dies again and again', () => {
    const { printed } = run('why sshd', {
      states: { sshd: { status: 'waiting' }, network: { status: 'restart', exit: { code: 1 } } },
      files: {
        '/dev/settled/log': '',
        [record]: eventFile([{ service: 'network', event: 'exit', code: 1 }]),
        [log]: logFile([{ message: 'an earlier word' }]),
      },
    });
    expect(printed).toEqual([
      'sshd waits, and has not been started.',
      'network has ended (exit code 1) and is started again in a moment.',
      '',
      'It starts when',
      '  no   network has started (needs; it is restarting)',
      '  yes  log has started or been given up (after; it is running)',
      '',
      'Last lines of its log',
      '  2026-11-21T08:50:31Z sshd stderr: an earlier word',
    ]);
  });
  test('one that was given up, after the kernel killed it', () => {
    const message =
      'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/services/network,task_memcg=/services/network,task=a';
    const { printed } = run('why network', {
      states: { network: { status: 'crashed' } },
      files: {
        [record]: eventFile([{ service: 'network', event: 'exit', code: 137 }]),
        [log]: logFile([{ service: 'kernel', stream: 'kernel', message }]),
      },
    });
    expect(printed.slice(0, 2)).toEqual([
      'network is given up: it ended too often (killed by SIGKILL). `keelctl start network` tries again.',
      'Its memory was used up at 2026-11-21T08:50:31Z, and the kernel killed a process of it.',
    ]);
    expect(printed).toContain('  2025-11-21 08:50:31  killed by SIGKILL');
  });
  test('one that runs', () => {
    expect(run('why sshd').printed[0]).toBe('sshd runs and is starting.');
    expect(JSON.parse(run('why --json log').printed.join(''))).toMatchObject({ state: 'running', waits: [] });
  });
});

describe('top', () => {
  const group = '/sys/fs/cgroup/services/sshd';
  const files = {
    [`${group}/cpu.stat`]: 'usage_usec 1000000\nuser_usec 1\n',
    [`${group}/memory.stat`]: 'anon 1048576\nfile 999\nkernel 524288\n',
    [`${group}/memory.max`]: '67108864\n',
    [`${group}/io.stat`]: '254:0 rbytes=1048576 wbytes=0 rios=1\n254:16 rbytes=0 wbytes=2097152\n',
    [`${group}/pids.current`]: '3\n',
    [`${group}/pids.max`]: 'max\n',
  };
  test('what was used between two looks', () => {
    const device = makeMachine('top --no-stream', { files });
    const { sleep } = device;
    device.sleep = (ms) => {
      sleep(ms);
      device.files.set(`${group}/cpu.stat`, 'usage_usec 1250000\n');
      device.files.set(`${group}/io.stat`, '254:0 rbytes=3145728 wbytes=0\n254:16 rbytes=0 wbytes=2097152\n');
    };
    expect(runKeelctl(device)).toBe(0);
    expect(device.printed.join('\n').split('\n')).toEqual([
      'NAME  CPU %  MEMORY   RESIDENT  LIMIT     READ/S   WRITTEN/S  PIDS  LIMIT',
      'sshd  25.0   3.0 MiB  1.5 MiB   64.0 MiB  2.0 MiB  0.0 MiB    3     -',
    ]);
  });
  test('for machines', () => {
    expect(JSON.parse(run('top --json', { files }).printed.join(''))).toEqual([
      {
        name: 'sshd',
        cpuPercent: 0,
        memoryBytes: 3145728,
        residentBytes: 1572864,
        memoryLimitBytes: 67108864,
        readBytesPerSecond: 0,
        writtenBytesPerSecond: 0,
        pids: 3,
        pidsLimit: null,
      },
    ]);
  });
  test('nothing can be read', () => {
    expect(run('top --json').errorsPrinted).toEqual([
      'keelctl: Cannot read /sys/fs/cgroup/services: no service runs, or this is no session of root.',
    ]);
  });
});

describe('inspect', () => {
  const config = {
    process: {
      args: ['/usr/sbin/sshd', '-D'],
      cwd: '/',
      user: { uid: 0, gid: 0 },
      noNewPrivileges: true,
      capabilities: { permitted: ['CAP_KILL'] },
    },
    root: { readonly: true },
    mounts: [{ destination: '/etc/keys', source: '/var/lib/keys', type: 'bind', options: ['bind', 'rw'] }],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }],
      seccomp: { defaultAction: 'SCMP_ACT_ERRNO' },
      resources: { memory: { limit: 67108864 }, pids: { limit: 64 }, unified: { 'cpu.weight': '100' } },
    },
  };
  const files = {
    '/usr/lib/keelson/services/sshd/config.json': JSON.stringify(config),
    [record]: eventFile([{ service: 'sshd', event: 'exit', code: 255 }]),
  };
  test('for people', () => {
    const { printed } = run('inspect sshd', { files });
    for (const line of [
      'state         running (starting), process 202, up 1 min, 0 restarts, 3.0 MiB',
      'last exit     2025-11-21 08:50:31, exit code 255',
      'needs         network',
      'health check  /usr/bin/true, every 30 s',
      'capabilities  CAP_KILL',
      'mount         /var/lib/keys at /etc/keys, writable',
      'limits        memory 64.0 MiB, processes 64, cpu.weight 100',
    ]) {
      expect(printed).toContain(line);
    }
  });
  test('for machines: with the whole OCI configuration', () => {
    expect(JSON.parse(run('inspect --json sshd', { files }).printed.join(''))).toMatchObject({
      name: 'sshd',
      bundle: '/usr/lib/keelson/services/sshd',
      config,
    });
  });
});

describe('shell', () => {
  test('goes to the service’s first process, by this session’s own busybox', () => {
    const files = {
      '/lib64/ld-linux-x86-64.so.2': '-> /usr/lib/ld.so',
      '/usr/lib/ld.so': '',
      '/usr/bin/busybox': '',
    };
    const [command = ''] = run('shell network ls -l', { files }).commandsRun;
    expect(command).toMatch(/^\/usr\/bin\/busybox env SERVICE=network \/usr\/bin\/busybox sh -c /);
    expect(command).toMatch(/ shell 201 \/usr\/lib\/ld\.so ls -l$/);
  });
  test('a service that does not run', () => {
    expect(run('shell set-up').errorsPrinted).toEqual([
      'keelctl: Cannot open a shell in set-up: it does not run. Start it with `keelctl start set-up`, or see `keelctl why set-up`.',
    ]);
  });
});

describe('boot', () => {
  const files = {
    '/run/keelson/boot.json': JSON.stringify({ startedAt: 1.5, handedOverAt: 2.25 }),
    '/run/keelson/boot-steps': 'coldplug 2.50 3.00\nstate 3.00 3.40\n',
    '/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns': '2000000000\n',
    '/sys/firmware/acpi/fpdt/boot/exitbootservice_end_ns': '3000000000\n',
    [record]: eventFile([
      { service: 'log', event: 'start', uptime: 1, boot: 'old' },
      { service: 'log', event: 'start', uptime: 3.5 },
      { service: 'log', event: 'ready', uptime: 4 },
      { service: 'network', event: 'start', uptime: 4.1 },
      { service: 'log', event: 'exit', uptime: 90, code: 1 },
    ]),
  };
  test('a timeline', () => {
    expect(run('boot', { files }).printed).toEqual([
      'NAME         START  READY  TOOK',
      'firmware     -3.00  -1.00  2.00  ###########',
      'boot loader  -1.00  0.00   1.00             ######',
      'kernel       0.00   1.50   1.50                   ########',
      'initramfs    1.50   2.25   0.75                           #####',
      'coldplug     2.50   3.00   0.50                                 ###',
      'state        3.00   3.40   0.40                                    ##',
      'log          3.50   4.00   0.50                                       ##',
      'network      4.10   -      -                                            .',
      '',
      'The last service was ready 4.00 s after the kernel’s start, 7.00 s after the power came on.',
    ]);
  });
  test('a chart', () => {
    const svg = run('boot --svg', { files }).printed.join('\n');
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('>log (0.50 s)</text>');
    expect(svg).toContain('>network (not ready)</text>');
  });
  test('names from elsewhere are text in the chart', () => {
    const chart = drawBootChart({ hostname: '<a&b>', version: '1', stretches: [], readyAt: null });
    expect(chart).toContain('&lt;a&amp;b&gt;');
  });
  test('nothing is known', () => {
    expect(run('boot').printed).toEqual(['Nothing was put down of this boot.']);
  });
});

test('the help of a command tells its options, with examples', () => {
  expect(run('events --help').printed).toEqual([
    'keelctl events [-f] [-n LINES] [--boot] [SERVICE]',
    '  show starts, exits and changes of health, also of earlier boots',
    '',
    '  -f, --follow       go on with what comes, until Ctrl-C',
    '  -n, --lines LINES  so many of the last lines',
    '      --boot         only of this boot',
    '',
    'Examples:',
    '  keelctl events -f',
    '  keelctl events --boot sshd',
    '  keelctl events -n 1000 --json',
  ]);
});

test('pipes for what each service says, when somebody collects it', () => {
  const { commandsRun } = run('prepare-services');
  expect(commandsRun[0]).toContain(
    'mkfifo -m 0666 /run/keelson/pipes/log.stdout /run/keelson/pipes/log.stderr',
  );
  const device = makeMachine('prepare-services', {
    files: { '/usr/lib/keelson/engine.json': JSON.stringify({ ...engine, hasLog: false }) },
  });
  runKeelctl(device);
  expect(device.commandsRun.join('\n')).not.toContain('mkfifo');
});
