import { expect, test } from '@jest/globals';
import type { Baseline } from '../shared/update/update-record.ts';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { lookAtHealth } from './look-at-health.ts';

const ways = ['ssh', 'channel'].map((name) => ({ name, lifeline: { command: ['/bin/answers'] } }));
const engine = { name: 'boxes', workloads: { command: ['/bin/list'] } };
const before: Baseline = { hasNetwork: false, isStateOnDisk: false };
const withContainer: Baseline = { ...before, workloads: [{ engine: 'boxes', name: 'web' }] };

/** All services run; `fails` are commands that do not end well. */
function look(
  services: readonly object[],
  baseline: Baseline,
  fails = /^$/,
  containers: readonly object[] = [],
) {
  const device = makeFakeDevice({
    files: { '/usr/lib/keelson/engine.json': JSON.stringify({ services }) },
    commands: [
      (command) => (fails.test(command.join(' ')) ? { exitCode: 1, stderr: 'it is broken\n' } : undefined),
      ([name]) =>
        name === 'keelctl'
          ? { stdout: '{"services":[{"name":"ssh","state":"running","restarts":0}],"health":[]}' }
          : undefined,
      (command) =>
        command.includes('/bin/list')
          ? { stdout: containers.map((each) => JSON.stringify(each)).join('\n') }
          : undefined,
    ],
  });
  return { ...lookAtHealth(device, baseline), commands: device.commandsRun };
}

test('one way to reach or update the machine is enough', () => {
  expect(look(ways, before, / --no-new-privs ssh /).reasons).toEqual([]);
  expect(look(ways, before, / --no-new-privs (ssh|channel) /).reasons).toEqual([
    'this machine could not be reached or updated: ssh: it is broken, channel: it is broken',
  ]);
});

test('a container that was well before and is not now', () => {
  const web = { name: 'web', state: 'restarting', exitCode: 1, health: null };
  expect(look([engine], withContainer, undefined, [web]).reasons).toEqual([
    'container web is restarting (exit code 1)',
  ]);
});

test('a container that was started again in between shows in the fingerprint', () => {
  const web = { name: 'web', state: 'running', health: null };
  const [first, second] = ['12:00', '12:01'].map((startedAt) =>
    look([engine], withContainer, undefined, [{ ...web, startedAt }]),
  );
  expect(first?.reasons).toEqual([]);
  expect(first?.fingerprint).not.toBe(second?.fingerprint);
});

test('where no container was well before, none is asked for', () => {
  expect(look([engine], before).commands.filter((line) => line.includes('/bin/list'))).toEqual([]);
});

test('a console that nobody has chosen is no fault', () => {
  const services = [
    { name: 'console-debian', state: 'standby', restarts: 0, lastExit: null },
    { name: 'web', state: 'waiting', restarts: 0, lastExit: null },
  ];
  const device = makeFakeDevice({
    files: { '/usr/lib/keelson/engine.json': '{"services":[]}' },
    commands: [
      ([name]) => (name === 'keelctl' ? { stdout: JSON.stringify({ services, health: [] }) } : undefined),
    ],
  });
  expect(lookAtHealth(device, before).reasons).toEqual(['service web is waiting']);
});
