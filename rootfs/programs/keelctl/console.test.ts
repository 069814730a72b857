import { describe, expect, test } from '@jest/globals';
import type { EngineFile } from '../../../build/contract/engine-file.ts';
import type { FakeDevice } from '../testing/fake-device.ts';
import { engine, makeMachine, service } from './demo-machine.ts';
import { runKeelctl } from './run-keelctl.ts';

const machine: EngineFile = {
  ...engine,
  console: 'small',
  services: [
    ...engine.services,
    service('console', { console: { name: 'small', start: 'boot' } }),
    service('console-debian', { console: { name: 'debian', start: 'chosen' } }),
  ],
};
const choiceFile = '/var/lib/keelson/console.json';
const started = '/dev/console-chosen/console-debian';
const facts = '/run/keelson/consoles';

/** A console that can be entered. */
const ready = (name: string, pid: number, serviceName: string) => ({
  [`${facts}/${name}`]: `${pid} /services/${serviceName} /bin/bash changeable\n`,
  [`/proc/${pid}/cgroup`]: `0::/services/${serviceName}\n`,
});
const smallReady = ready('small', 300, 'console');
const debianReady = ready('debian', 400, 'console-debian');

/** finit runs all but the console that nobody has chosen. */
const statuses = machine.services.map(({ name }, index) => ({
  identity: name,
  status: name === 'console-debian' ? 'waiting' : 'running',
  pid: 100 + index,
  uptime: 60,
  restarts: 0,
}));

/** `keelctl` with this command line, not yet run. */
function prepare(line: string, files: Readonly<Record<string, string>> = {}): FakeDevice {
  return makeMachine(line, {
    files: { '/usr/lib/keelson/engine.json': JSON.stringify(machine), ...smallReady, ...files },
    commands: [
      ([program, ...rest]) =>
        program === 'initctl' && rest.at(-1) === 'status' ? { stdout: JSON.stringify(statuses) } : undefined,
    ],
  });
}

function run(
  line: string,
  files: Readonly<Record<string, string>> = {},
): FakeDevice & { readonly exitCode: number } {
  const device = prepare(line, files);
  return Object.assign(device, { exitCode: runKeelctl(device) });
}

describe('list', () => {
  test('what there is, what is chosen, what runs', () => {
    expect(run('console list').printed).toEqual([
      'NAME    CHOSEN  STATE  SERVICE         DESCRIPTION',
      'small   yes     ready  console         About console',
      'debian  no      off    console-debian  About console-debian',
    ]);
  });

  test('one that is being made ready, for programs', () => {
    const files = {
      [choiceFile]: '{"console":"debian"}',
      [started]: '',
      [`${facts}/debian.says`]: 'it is being unpacked\n',
    };
    const [, debian] = JSON.parse(run('console list --json', files).printed.join(''));
    expect(debian).toMatchObject({ isChosen: true, state: 'preparing', says: 'it is being unpacked' });
  });
});

describe('who says so', () => {
  const provision = { '/run/keelson/provision.json': '{"console":"debian"}' };
  const situations: readonly (readonly [string, Readonly<Record<string, string>>, string, string])[] = [
    ['the recipe, when nobody else does', {}, 'small', 'recipe'],
    ['user-data before the recipe', provision, 'debian', 'user-data'],
    ['a person before user-data', { ...provision, [choiceFile]: '{"console":"small"}' }, 'small', 'person'],
    ['a choice that this version does not have', { [choiceFile]: '{"console":"ubuntu"}' }, 'small', 'recipe'],
    ['a choice that is torn', { [choiceFile]: '{"conso' }, 'small', 'recipe'],
  ];
  test.each(situations)('%s', (_, files, console, by) => {
    expect(JSON.parse(run('console status --json', files).printed.join(''))).toMatchObject({
      console,
      by,
    });
  });
});

describe('switch', () => {
  test('its service starts, and sessions land in it when it is ready', () => {
    const device = prepare('console switch debian');
    let polls = 0;
    const patient = Object.assign(device, {
      sleep: () => {
        polls += 1;
        if (polls === 1) device.writeFile(`${facts}/debian.says`, 'it is being unpacked\n');
        if (polls === 2) for (const [path, text] of Object.entries(debianReady)) device.writeFile(path, text);
      },
    });
    expect(runKeelctl(patient)).toBe(0);
    expect(device.printed).toEqual([
      'debian: it is being started',
      'debian: it is being unpacked',
      'Sessions that begin from now on land in debian.',
    ]);
    expect(device.readFile(choiceFile)).toBe('{"console":"debian"}\n');
    expect(device.readFile(`${facts}/chosen`)).toBe('debian\n');
    expect(device.status(started)).toBeDefined();
  });

  test('back: the other one runs on, for whoever is in it', () => {
    const files = { ...debianReady, [choiceFile]: '{"console":"debian"}', [started]: '' };
    const device = run('console switch small', files);
    expect(device.exitCode).toBe(0);
    expect(device.readFile(`${facts}/chosen`)).toBe('small\n');
    expect(device.status(started)).toBeDefined();
  });

  test('the default again', () => {
    const device = run('console switch --default', { ...debianReady, [choiceFile]: '{"console":"debian"}' });
    expect(device.printed).toEqual(['Sessions that begin from now on land in small.']);
    expect(device.status(choiceFile)).toBeUndefined();
  });

  test('one that cannot be made ready says why', () => {
    const device = prepare('console switch debian');
    Object.assign(device, { sleep: () => device.writeFile(`${facts}/debian.fault`, 'it needs 512 MiB\n') });
    expect(runKeelctl(device)).toBe(1);
    expect(device.errorsPrinted).toEqual([
      'keelctl: The console debian cannot be entered: it needs 512 MiB. See `keelctl logs console-debian`; until it is ready, sessions land where they did.',
    ]);
  });

  test('one that gave up tries again', () => {
    const device = prepare('console switch debian', {
      [started]: '',
      [`${facts}/debian.fault`]: 'it needs 512 MiB\n',
    });
    Object.assign(device, {
      sleep: () => {
        for (const [path, text] of Object.entries(debianReady)) device.writeFile(path, text);
      },
    });
    expect(runKeelctl(device)).toBe(0);
    expect(device.commandsRun).toContain('initctl --batch restart console-debian');
  });

  test('a name that is none', () => {
    const device = run('console switch debain');
    expect(device.exitCode).toBe(2);
    expect(device.errorsPrinted).toEqual(['keelctl: There is no console "debain". Did you mean debian?']);
    expect(device.status(choiceFile)).toBeUndefined();
  });
});

describe('reset', () => {
  test('asks the service to make its root anew', () => {
    const device = prepare('console reset debian', { ...debianReady, [started]: '' });
    Object.assign(device, {
      sleep: () => {
        for (const [path, text] of Object.entries(debianReady)) device.writeFile(path, text);
      },
    });
    expect(runKeelctl(device)).toBe(0);
    expect(device.printed).toEqual(['The console debian is ready.']);
    expect(device.status(`${facts}/debian.reset`)).toBeDefined();
    expect(device.commandsRun).toContain('initctl --batch restart console-debian');
  });

  const refusals: readonly (readonly [string, string])[] = [
    ['small', 'The console small is as the version that runs has it; there is nothing to make anew.'],
    ['debian', 'The console debian does not run. Choose it first: keelctl console switch debian'],
  ];
  test.each(refusals)('%s: refused', (name, message) => {
    expect(run(`console reset ${name}`).errorsPrinted).toEqual([`keelctl: ${message}`]);
  });
});

test('a process of that number that is another’s is no console', () => {
  const files = {
    ...debianReady,
    [choiceFile]: '{"console":"debian"}',
    [started]: '',
    '/proc/400/cgroup': '0::/services/sshd\n',
  };
  const device = run('console status', files);
  expect(device.exitCode).toBe(1);
  expect(device.printed).toContain('state    preparing');
});

test('words that make no sense', () => {
  for (const line of ['console switch', 'console list small', 'console enter', 'console reset']) {
    expect(run(line).exitCode).toBe(2);
  }
});

test('a console that nobody has chosen is no service that waits', () => {
  const stateOf = (files: Readonly<Record<string, string>>) => {
    const states = JSON.parse(run('ps --json', files).printed.join(''));
    return states.find(({ name }: { readonly name: string }) => name === 'console-debian').state;
  };
  expect(stateOf({})).toBe('standby');
  expect(stateOf({ [started]: '' })).toBe('waiting');
});

test('at each boot what was chosen is chosen again', () => {
  const device = run('prepare-services', { [choiceFile]: '{"console":"debian"}' });
  expect(device.exitCode).toBe(0);
  expect(device.readFile(`${facts}/chosen`)).toBe('debian\n');
  expect(device.status(started)).toBeDefined();
});
