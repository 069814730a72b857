import { describe, expect, test } from '@jest/globals';
import type { Workload } from '../../../build/contract/workload.ts';
import type { Baseline, UpdateState } from '../shared/update/update-record.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { awaitRestart } from './await-restart.ts';
import type { UpdateSettings } from './settings.ts';

type Staged = Extract<UpdateState, { phase: 'staged' }>;

const now = 1_795_000_000;
const web: Workload = {
  name: 'web',
  state: 'running',
  health: 'healthy',
  isRestarted: true,
  isExempt: false,
};
const demanded = [{ engine: 'docker', name: 'web' }];
const machine = { hasNetwork: true, isStateOnDisk: true, isStateFull: true };
const withWeb: Baseline = { ...machine, workloads: demanded };

/** Stands at its restart; the engine lists these, or is mute. */
function look(
  containers: readonly Workload[] | 'mute',
  { before = withWeb, restartAt = now, ...more }: Partial<Staged> & { readonly before?: Baseline } = {},
) {
  const state: Staged = {
    phase: 'staged',
    restartAt,
    update: {
      source: { kind: 'file', location: '/root/x.raucb' },
      version: '2026.11.1',
      slot: 'b',
      fromVersion: '2026.11.0',
      before,
      bootId: 'boot-1',
    },
    ...more,
  };
  const device: FakeDevice = makeFakeDevice({
    now: now * 1000,
    files: {
      '/proc/sys/kernel/random/boot_id': 'boot-1',
      '/proc/net/route': 'Iface\tDestination\neth0\t00000000\t0202000A\n',
      '/run/keelson/state.json': '{ "kind": "disk" }',
      '/run/keelson/workloads/ask': '',
    },
    commands: [
      (command) => {
        const word = /echo (\d+)/.exec(command.join(' '))?.[1];
        if (word === undefined) return undefined;
        const listing =
          containers === 'mute'
            ? { engine: 'docker', workloads: [], fault: 'no answer in 30 s' }
            : { engine: 'docker', workloads: containers };
        device.writeFile('/run/keelson/workloads/answer', `${word}\n${JSON.stringify([listing])}`);
        return { exitCode: 0 };
      },
    ],
  });
  const settings = { windows: [{ days: [], startMinute: 0, lengthMinutes: 0 }] } as unknown as UpdateSettings;
  const pause = awaitRestart(device, settings, state);
  const written = device.files.get('/var/lib/keelson/update/state.json');
  const after = written === undefined ? state : (JSON.parse(written) as Staged);
  return { pause, after, isRestarted: device.commandsRun.includes('initctl --batch reboot'), device };
}

describe('at the restart', () => {
  test('all are well: now', () => {
    const { isRestarted, after } = look([web]);
    expect(isRestarted).toBe(true);
    expect(after.update.before).toEqual(withWeb);
  });

  test('one that was started since is demanded too', () => {
    const { after } = look([web, { ...web, name: 'mail' }]);
    expect(after.update.before.workloads?.map(({ name }) => name)).toEqual(['web', 'mail']);
  });

  test('one that was removed is not, and nobody waits for it', () => {
    const { isRestarted, after } = look([]);
    expect(isRestarted).toBe(true);
    expect(after.update.before).toEqual(machine);
  });

  test('one that was well and is not at this moment: it waits, and stays demanded', () => {
    const { pause, isRestarted, after, device } = look([{ ...web, health: 'unhealthy' }]);
    expect({ pause, isRestarted }).toEqual({ pause: 10, isRestarted: false });
    expect(after).toMatchObject({ unsettledSince: now, update: { before: withWeb } });
    expect(device.errorsPrinted).toEqual([
      'update: the restart waits up to 120 s: container web of docker was well and is not',
    ]);
  });

  test('it does not become well: two minutes later the restart is without it', () => {
    const { isRestarted, after } = look([{ ...web, health: 'unhealthy' }], { unsettledSince: now - 120 });
    expect(isRestarted).toBe(true);
    expect(after.update.before).toEqual(machine);
  });

  test('a clock that was put back does not make the wait longer', () => {
    expect(look([{ ...web, health: 'unhealthy' }], { unsettledSince: now + 9 }).isRestarted).toBe(true);
  });

  test('it is well again: the wait is forgotten', () => {
    const { isRestarted, after } = look([web], { unsettledSince: now - 30 });
    expect(isRestarted).toBe(true);
    expect(after.unsettledSince).toBeUndefined();
  });

  test('the engine is mute: it waits; then what was known before is demanded, and the doubt is on record', () => {
    expect(look('mute')).toMatchObject({ pause: 10, isRestarted: false });
    const { isRestarted, after } = look('mute', { unsettledSince: now - 121 });
    expect(isRestarted).toBe(true);
    expect(after.update.before).toEqual({
      ...withWeb,
      workloadsFault: 'those of docker cannot be listed: no answer in 30 s',
    });
  });
});

test('days before the restart: what is not well at two looks is no longer demanded', () => {
  const restartAt = now + 86_400;
  const first = look([{ ...web, state: 'restarting' }], { restartAt });
  expect(first).toMatchObject({ pause: 600, isRestarted: false, after: { update: { before: withWeb } } });
  const second = look([{ ...web, state: 'restarting' }], { restartAt, unsettledSince: now - 600 });
  expect(second.after.update.before).toEqual(machine);
});
