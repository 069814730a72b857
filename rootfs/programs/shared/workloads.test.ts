import { describe, expect, test } from '@jest/globals';
import type { EngineFile } from '../../../build/contract/engine-file.ts';
import type { Workload } from '../../../build/contract/workload.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { askForWorkloads, complain, listWorkloads, namesToDemand, namesUnwell } from './workloads.ts';

const well: Workload = { name: 'web', state: 'running', health: null, isRestarted: true, isExempt: false };
const demanded = [{ engine: 'docker', name: 'web' }];
const engine = {
  services: [{ name: 'sshd' }, { name: 'docker', workloads: { command: ['/usr/lib/docker/list'] } }],
} as unknown as EngineFile;

test('engines are asked inside of their containers; a line that is no JSON is left out', () => {
  const device = makeFakeDevice({
    commands: [() => ({ stdout: `${JSON.stringify(well)}\nWARNING: something\n` })],
  });
  expect(listWorkloads(device, engine)).toEqual([{ engine: 'docker', workloads: [well] }]);
  expect(device.commandsRun).toEqual(['timeout 30 crun exec --no-new-privs docker /usr/lib/docker/list']);
});

test('listings are in the order of names', () => {
  const line = (name: string) => JSON.stringify({ ...well, name });
  const device = makeFakeDevice({ commands: [() => ({ stdout: `${line('web')}\n${line('mail')}\n` })] });
  expect(listWorkloads(device, engine)[0]?.workloads.map(({ name }) => name)).toEqual(['mail', 'web']);
});

test.each<[string, Partial<Workload>, boolean]>([
  ['runs', {}, true],
  ['runs and is healthy', { health: 'healthy' }, true],
  ['is not healthy', { health: 'unhealthy' }, false],
  ['is not healthy yet', { health: 'starting' }, false],
  ['has ended', { state: 'exited' }, false],
  ['would not be started at boot', { isRestarted: false }, false],
  ['is ignored by its owner', { isExempt: true }, false],
])('a container that %s: demanded again?', (_, change, isDemanded) => {
  const listing = { engine: 'docker', workloads: [{ ...well, ...change }] };
  expect(namesToDemand([listing])).toEqual(isDemanded ? demanded : []);
});

test.each<[string, Partial<Workload>, boolean]>([
  ['is well', {}, false],
  ['is not healthy', { health: 'unhealthy' }, true],
  ['has ended', { state: 'exited' }, true],
  ['is no longer to be watched', { state: 'exited', isExempt: true }, false],
  ['has another name', { name: 'mail', state: 'exited' }, false],
])('a demanded container that %s: unwell?', (_, change, isUnwell) => {
  const listing = { engine: 'docker', workloads: [{ ...well, ...change }] };
  expect(namesUnwell(demanded, [listing])).toEqual(isUnwell ? demanded : []);
});

test.each<[string, Partial<Workload>, readonly string[]]>([
  ['well', {}, []],
  ['restarting', { state: 'restarting', exitCode: 1 }, ['container web is restarting (exit code 1)']],
  [
    'could not be started',
    { state: 'exited', exitCode: 128, error: 'network bridge not found' },
    ['container web is exited (network bridge not found)'],
  ],
  ['unhealthy', { health: 'unhealthy' }, ['container web is not healthy']],
  ['starting', { health: 'starting' }, ['container web is not healthy yet']],
  ['another one', { name: 'mail' }, ['container web is gone']],
  ['ignored by now', { state: 'exited', isExempt: true }, []],
])('the new version has it %s', (_, change, says) => {
  expect(complain(demanded, [{ engine: 'docker', workloads: [{ ...well, ...change }] }])).toEqual(says);
});

test('an engine that does not answer, or is gone, is said once', () => {
  const two = [...demanded, { engine: 'docker', name: 'mail' }];
  expect(complain(two, [{ engine: 'docker', workloads: [], fault: 'no answer in 30 s' }])).toEqual([
    'the containers of docker cannot be listed: no answer in 30 s',
  ]);
  expect(complain(two, [])).toEqual(['there is no engine docker any more, and containers ran in it']);
});

describe('from inside of a container', () => {
  const ask = '/run/keelson/workloads/ask';
  const answer = '/run/keelson/workloads/answer';

  test('the answer to this question, not to an earlier one', () => {
    const listings = [{ engine: 'docker', workloads: [well] }];
    const device: FakeDevice = makeFakeDevice({
      files: { [ask]: '', [answer]: '1\n[]' },
      commands: [
        (command) => {
          const word = /echo (\d+)/.exec(command.join(' '))?.[1];
          device.writeFile(answer, `${word}\n${JSON.stringify(listings, null, 2)}\n`);
          return { exitCode: 0 };
        },
      ],
    });
    expect(askForWorkloads(device)).toEqual({ listings });
    expect(device.commandsRun[0]).toMatch(/^busybox timeout 5 sh -c echo /);
  });

  test('an engine that is mute is a fault, and the others are known', () => {
    const listings = [
      { engine: 'docker', workloads: [well] },
      { engine: 'podman', workloads: [], fault: 'no answer in 30 s' },
    ];
    const device: FakeDevice = makeFakeDevice({ files: { [ask]: '', [answer]: '' }, now: 7000 });
    device.writeFile(answer, `7000\n${JSON.stringify(listings)}`);
    expect(askForWorkloads(device)).toEqual({
      listings,
      fault: 'those of podman cannot be listed: no answer in 30 s',
    });
  });

  test.each([
    [{ exitCode: 127 }, 'nobody can be asked for them: no listener'],
    [{ exitCode: 1, stderr: 'sh: no such device\n' }, 'nobody can be asked for them: sh: no such device'],
  ])('asking fails with %j: said at once', (outcome, fault) => {
    const device = makeFakeDevice({ files: { [ask]: '' }, commands: [() => outcome] });
    const begin = device.now();
    expect(askForWorkloads(device)).toEqual({ listings: [], fault });
    expect(device.now()).toBe(begin);
  });

  test('nobody answers: a fault, after a while', () => {
    const device = makeFakeDevice({ files: { [ask]: '', [answer]: '1\n[{"engine":"docker"}]' } });
    const begin = device.now();
    const fault = 'nobody lists them: no answer in 60 s';
    expect(askForWorkloads(device)).toEqual({ listings: [], fault });
    expect(device.now() - begin).toBe(60_000);
  });

  test('a machine without an engine is not asked', () => {
    const device = makeFakeDevice();
    expect(askForWorkloads(device)).toEqual({ listings: [] });
    expect(device.commandsRun).toEqual([]);
  });
});
