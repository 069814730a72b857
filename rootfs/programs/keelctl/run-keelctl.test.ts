import { describe, expect, test } from '@jest/globals';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { engine, finitStatuses, run } from './demo-machine.ts';
import { runKeelctl } from './run-keelctl.ts';

/** `keelctl start set-up`, not yet run. */
function startWith(command: FakeCommand): FakeDevice {
  return makeFakeDevice({
    arguments: ['start', 'set-up'],
    files: {
      '/usr/lib/keelson/engine.json': JSON.stringify(engine),
      '/run/keelson/done/set-up': '',
      '/run/crun/set-up/status': JSON.stringify({ pid: 300 }),
      '/proc/300/stat': '300 (set-up) S 1',
    },
    commands: [command],
  });
}

describe('ps', () => {
  test('a line for each service, in start order', () => {
    expect(run('ps').printed).toEqual([
      'NAME     STATE               PID  UPTIME  RESTARTS  MEMORY   DESCRIPTION',
      'log      running             200  1 min   0         1.0 MiB  About log',
      'network  running             201  1 min   0         2.0 MiB  About network',
      'sshd     running (starting)  202  1 min   0         3.0 MiB  About sshd',
      'set-up   done                -    -       0         -        About set-up',
    ]);
  });

  const words: readonly (readonly [string, object, string])[] = [
    ['given up by finit', { status: 'crashed' }, 'failed'],
    ['between two tries', { status: 'restart' }, 'restarting'],
    ['stopped by a person', { status: 'stopped' }, 'stopped'],
    ['waits for another', { status: 'waiting' }, 'waiting'],
    ['is being stopped', { status: 'teardown' }, 'stopping'],
  ];
  test.each(words)('%s', (_, status, state) => {
    const { printed } = run('ps --json', { states: { sshd: status } });
    const [found] = JSON.parse(printed.join('')).filter(
      ({ name }: { readonly name: string }) => name === 'sshd',
    );
    expect(found).toMatchObject({ state, pid: null, memoryBytes: null });
  });

  test('a service whose last check went badly', () => {
    const files = {
      '/run/keelson/health/sshd': '{ "status": "unhealthy", "failures": 3, "message": "no answer in 5 s" }',
    };
    expect(run('ps', { files }).printed[3]).toContain('sshd     running (unhealthy)  202 ');
    expect(JSON.parse(run('ps --json', { files }).printed.join(''))[2].health).toEqual({
      status: 'unhealthy',
      failures: 3,
      message: 'no answer in 5 s',
    });
  });

  test('a one-shot that ended badly has failed', () => {
    const { printed } = run('ps --json', { states: { 'set-up': { status: 'crashed', exit: { code: 7 } } } });
    expect(JSON.parse(printed.join(''))[3]).toMatchObject({ state: 'failed', lastExit: { code: 7 } });
  });

  test('one that is done ended with 0, whatever finit says of its last moment', () => {
    const { printed } = run('ps --json');
    expect(JSON.parse(printed.join(''))[3]).toMatchObject({ state: 'done', lastExit: { code: 0 } });
  });

  test('one that finit left out while it changed', () => {
    let asked = 0;
    const whole = run('ps');
    const leavesOut: FakeCommand = ([program, ...rest]) => {
      if (program !== 'initctl' || rest.at(-1) !== 'status' || asked++ > 0) return undefined;
      return {
        stdout: JSON.stringify([{ identity: 'log', status: 'running', pid: 100, uptime: 65, restarts: 0 }]),
      };
    };
    expect(run('ps', { commands: [leavesOut] }).printed).toEqual(whole.printed);
  });

  test('finit does not answer', () => {
    const silent: FakeCommand = ([program]) =>
      program === 'initctl' ? { exitCode: 1, stderr: 'no socket\n' } : undefined;
    const result = run('ps', { commands: [silent] });
    expect(result.errorsPrinted).toEqual([
      'keelctl: Cannot ask finit for the state of the services: no socket',
    ]);
    expect(result.exitCode).toBe(1);
  });
});

describe('exec', () => {
  test('options after the service belong to the program', () => {
    expect(run('exec network ip -j route --json').commandsRun).toEqual([
      'crun exec network ip -j route --json',
    ]);
  });
  test('the exit code is the program’s', () => {
    const failing: FakeCommand = ([program]) => (program === 'crun' ? { exitCode: 42 } : undefined);
    expect(run('exec network false', { commands: [failing] }).exitCode).toBe(42);
  });
  test('a service that does not run', () => {
    expect(run('exec set-up sh').errorsPrinted).toEqual([
      'keelctl: Cannot run a program in set-up: it does not run. Start it with `keelctl start set-up`.',
    ]);
  });
});

describe('start, stop, restart', () => {
  test('start is done when the container is there', () => {
    expect(run('start sshd').printed).toEqual(['sshd is running']);
  });
  test('stop that does not come to an end', () => {
    const result = run('stop sshd');
    expect(result.errorsPrinted).toEqual([
      'keelctl: Cannot stop sshd: it is running. See `keelctl logs sshd`.',
    ]);
    expect(result.exitCode).toBe(1);
  });
  test('start of one that fails again', () => {
    expect(run('start sshd', { states: { sshd: { status: 'crashed' } } }).errorsPrinted).toEqual([
      'keelctl: Cannot start sshd: it is failed. See `keelctl logs sshd`.',
    ]);
  });
  test('start of one that ends at once, and is to be tried again', () => {
    // Running when it is looked at first, a moment later not.
    let looks = 0;
    const dying: FakeCommand = ([program, ...rest]) => {
      if (program !== 'initctl' || rest.at(-1) !== 'status') return undefined;
      looks += 1;
      const status = looks === 1 ? 'stopped' : looks < 4 ? 'running' : 'restart';
      return { stdout: JSON.stringify(finitStatuses({ log: { status, restarts: looks } })) };
    };
    const result = run('start log', { commands: [dying], states: {} });
    expect(result.errorsPrinted).toEqual([
      'keelctl: Cannot start log: it is restarting. See `keelctl logs log`.',
    ]);
    expect(result.exitCode).toBe(1);
  });
  test('start of a one-shot that is done runs it again', () => {
    let looks = 0;
    const working: FakeCommand = ([program, ...rest]) => {
      if (program !== 'initctl') return undefined;
      if (rest.at(-1) !== 'status') return {};
      looks += 1;
      const status = looks === 1 || looks > 9 ? 'stopped' : 'running';
      if (looks > 9) result.files.set('/run/keelson/done/set-up', '');
      return { stdout: JSON.stringify(finitStatuses({ 'set-up': { status } })) };
    };
    const result = startWith(working);
    expect(runKeelctl(result)).toBe(0);
    expect(result.commandsRun).toContain('initctl --batch start set-up');
    expect(looks).toBeGreaterThan(9);
    expect(result.printed).toEqual(['set-up is done']);
  });
  test('initctl refuses', () => {
    const refusing: FakeCommand = ([program, ...rest]) =>
      program === 'initctl' && rest.includes('restart')
        ? { exitCode: 65, stderr: 'no such service\n' }
        : undefined;
    expect(run('restart sshd', { commands: [refusing] }).errorsPrinted).toEqual([
      'keelctl: Cannot restart sshd: no such service',
    ]);
  });
});

describe('status', () => {
  test('all is well', () => {
    const files = {
      '/run/keelson/boot.json': JSON.stringify({
        slot: 'a',
        device: '/dev/vda2',
        rootHash: 'abc',
        refused: [],
      }),
      '/run/keelson/state.json': JSON.stringify({ kind: 'disk', device: '/dev/vda4' }),
      '/run/keelson/provision.json': JSON.stringify({
        source: { kind: 'volume', from: '/dev/vdb' },
        faults: [{ message: 'users is no list', line: 3 }],
      }),
    };
    const result = run('status', { files });
    expect(result.exitCode).toBe(0);
    expect(result.printed.slice(1, 7)).toEqual([
      'version       demo 2026.11.0',
      'slot          a on /dev/vda2',
      'root hash     abc',
      'state         on /dev/vda4',
      'provisioning  from /dev/vdb',
      '              users is no list (line 3)',
    ]);
    expect(result.printed.at(-1)).toBe('All is well.');
    expect(result.commandsRun).toContain('timeout 5 crun exec --no-new-privs sshd /usr/bin/true');
  });
  test('a service that has failed', () => {
    expect(run('status', { states: { log: { status: 'crashed' } } }).exitCode).toBe(1);
  });
  test('a health check that is late', () => {
    const late: FakeCommand = ([program]) => (program === 'timeout' ? { exitCode: 143 } : undefined);
    const result = run('status --json', { commands: [late] });
    expect(result.exitCode).toBe(1);
    expect(JSON.parse(result.printed.join('')).health).toEqual([
      { name: 'sshd', isHealthy: false, message: 'no answer in 5 s' },
    ]);
  });
});

describe('power', () => {
  test('reboot', () => expect(run('reboot').commandsRun).toEqual(['initctl --batch reboot']));
  test('finit took the order and went silent', () => {
    const silent: FakeCommand = ([program]) => (program === 'initctl' ? { exitCode: 1 } : undefined);
    expect(run('poweroff', { commands: [silent] }).exitCode).toBe(0);
  });
  test('finit cannot be reached', () => {
    const refusing: FakeCommand = ([program]) =>
      program === 'initctl' ? { exitCode: 1, stderr: 'no finit' } : undefined;
    expect(run('poweroff', { commands: [refusing] }).errorsPrinted).toEqual([
      'keelctl: Cannot poweroff: no finit',
    ]);
  });
});

describe('what the machine itself calls', () => {
  test('containers are stopped in reverse order of their start', () => {
    const files: Record<string, string> = {};
    for (const [index, name] of ['log', 'network', 'sshd'].entries())
      files[`/proc/${200 + index}/stat`] = `1 (${name}) Z 1`;
    expect(run('stop-everything', { files }).commandsRun).toEqual([
      'crun kill sshd SIGTERM',
      'crun delete --force sshd',
      'crun kill network SIGTERM',
      'crun delete --force network',
      'crun kill log SIGTERM',
      'crun delete --force log',
      'sync',
    ]);
  });
  test('one that does not stop is killed', () => {
    expect(run('stop-everything').errorsPrinted).toEqual([
      'sshd did not stop in time and is killed',
      'network did not stop in time and is killed',
      'log did not stop in time and is killed',
    ]);
  });
  test('a service that is given up lets go of all that wait for it', () => {
    const { files } = run('release network');
    expect([...files.keys()].filter((path) => path.startsWith('/dev/'))).toEqual([
      '/dev/settled/network',
      '/dev/settled/sshd',
    ]);
  });
});

describe('a wrong command line', () => {
  const situations: readonly (readonly [string, string])[] = [
    ['pss', 'keelctl: There is no command "pss". Did you mean ps?'],
    ['frobnicate', 'keelctl: There is no command "frobnicate". See `keelctl --help`.'],
    ['logs shd', 'keelctl: There is no service "shd". Did you mean sshd?'],
    [
      'logs completely-else',
      'keelctl: There is no service "completely-else". The services are log, network, set-up, sshd.',
    ],
    ['ps --all', 'keelctl: There is no option --all here. It is used so: keelctl ps'],
    ['stop', 'keelctl: It is used so: keelctl stop SERVICE'],
    ['exec sshd', 'keelctl: It is used so: keelctl exec SERVICE COMMAND [ARGUMENT…]'],
  ];
  test.each(situations)('%s', (line, message) => {
    const result = run(line);
    expect(result.errorsPrinted).toEqual([message]);
    expect(result.exitCode).toBe(2);
  });
  test('no command: the help, and code 2', () => {
    const result = run('');
    expect(result.printed.join('\n')).toContain('keelctl logs -f sshd');
    expect(result.exitCode).toBe(2);
  });
  test('help leaves out what only the machine calls', () => {
    expect(run('--help').printed.join('\n')).not.toContain('stop-everything');
  });
  test('not a Keelson machine', () => {
    const device = makeFakeDevice({ arguments: ['ps'] });
    expect(runKeelctl(device)).toBe(1);
    expect(device.errorsPrinted).toEqual([
      'keelctl: Cannot find /usr/lib/keelson/engine.json: this is not a Keelson machine.',
    ]);
  });
});
