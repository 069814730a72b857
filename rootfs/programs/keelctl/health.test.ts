import { describe, expect, test } from '@jest/globals';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { engine, run, service } from './demo-machine.ts';
import { makeHealthRounds } from './health.ts';
import { runKeelctl } from './run-keelctl.ts';

const path = '/run/keelson/health/sshd';
const record = '/var/lib/keelson/events/events.jsonl';

/** A machine whose check of sshd says what `answers` says, one after the other; the last for ever. */
function watch(answers: readonly boolean[], health: object = {}) {
  let count = 0;
  const check: FakeCommand = ([program]) => {
    if (program !== 'timeout') return undefined;
    const isWell = answers[Math.min(count, answers.length - 1)] ?? false;
    count += 1;
    return { exitCode: isWell ? 0 : 1 };
  };
  const device = run('ps', { commands: [check] });
  const services = engine.services.map((each) =>
    each.health === undefined ? each : { ...each, health: { ...each.health, ...health } },
  );
  return { device, round: makeHealthRounds(device, { ...engine, services }) };
}

function stateOf(device: FakeDevice): unknown {
  return JSON.parse(device.files.get(path) ?? 'null');
}

describe('periodic health checks', () => {
  test('at first every other second, and then as asked', () => {
    const { device, round } = watch([false, true]);
    expect(round() - device.now()).toBe(2000);
    expect(stateOf(device)).toEqual({ status: 'starting', failures: 1, message: 'exit code 1' });
    expect(device.files.has('/dev/healthy/sshd')).toBe(false);
    device.sleep(2000);
    expect(round() - device.now()).toBe(30_000);
    expect(stateOf(device)).toEqual({ status: 'healthy', failures: 0 });
    // Those that wait for it may start.
    expect(device.files.has('/dev/healthy/sshd')).toBe(true);
  });
  test('unhealthy after so many failures in a row, and told once', () => {
    const { device, round } = watch([true, false]);
    for (const seconds of [30, 30]) {
      round();
      device.sleep(seconds * 1000);
    }
    round();
    expect(stateOf(device)).toMatchObject({ status: 'healthy', failures: 2 });
    for (let count = 0; count < 3; count++) {
      device.sleep(30_000);
      round();
    }
    expect(stateOf(device)).toEqual({ status: 'unhealthy', failures: 5, message: 'exit code 1' });
    const events = (device.files.get(record) ?? '').trim().split('\n');
    expect(events.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ service: 'sshd', event: 'healthy' }),
      expect.objectContaining({
        service: 'sshd',
        event: 'unhealthy',
        message: 'exit code 1',
        boot: 'this-boot',
      }),
    ]);
  });
  test('failures of one that is young do not count', () => {
    const { device, round } = watch([false], { startPeriodSeconds: 10, retries: 1 });
    for (let count = 0; count < 5; count++) {
      round();
      expect(stateOf(device)).toMatchObject({ status: 'starting' });
      device.sleep(2000);
    }
    round();
    expect(stateOf(device)).toMatchObject({ status: 'unhealthy', failures: 1 });
  });
  test('one that was started again begins anew', () => {
    const { device, round } = watch([true, false]);
    round();
    device.files.set('/run/crun/sshd/status', JSON.stringify({ pid: 201 }));
    device.sleep(30_000);
    round();
    expect(stateOf(device)).toMatchObject({ status: 'starting', failures: 1 });
  });
  test('one that does not run is neither well nor ill', () => {
    const { device, round } = watch([true]);
    round();
    device.files.delete('/run/crun/sshd/status');
    device.sleep(30_000);
    round();
    expect(device.files.has(path)).toBe(false);
  });
  test('nobody watches where there is nothing to check', () => {
    expect(run('prepare-services').files.has('/dev/health-checks')).toBe(true);
    const device = makeFakeDevice({
      arguments: ['prepare-services'],
      files: { '/usr/lib/keelson/engine.json': JSON.stringify({ ...engine, services: [service('log')] }) },
    });
    expect(runKeelctl(device)).toBe(0);
    expect(device.files.has('/dev/health-checks')).toBe(false);
  });
});
