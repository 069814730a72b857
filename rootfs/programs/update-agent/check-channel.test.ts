import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { leftBundles } from './check-channel.ts';
import { runUpdateAgent } from './run-update-agent.ts';

test('what was rolled back, by the machine or by a person, is not taken again by itself', () => {
  const source = { kind: 'channel', location: 'x' } as const;
  const record = { at: 0, fromVersion: '1', source, reasons: [] };
  expect(
    leftBundles([
      { ...record, event: 'committed', version: '2', bundleSha256: 'two' },
      { ...record, event: 'committed', version: '3', bundleSha256: 'three' },
      { ...record, event: 'staged', fromVersion: '3', version: '2', source: { kind: 'other-slot' } },
      { ...record, event: 'rolled-back', version: '4', bundleSha256: 'four' },
    ]),
  ).toEqual(['three', 'four']);
});

test('the power went away in the middle of a look: it looks again, and knows what it knew', () => {
  const statePath = '/var/lib/keelson/update/state.json';
  const now = 1_795_000_000;
  const before = { phase: 'rolled-back', version: '2', reasons: ['x'], at: 5, checkedAt: now - 1 };
  const machine = makeFakeDevice({
    arguments: ['run'],
    now: now * 1000,
    files: {
      '/usr/lib/update/settings.json': JSON.stringify({ url: 'https://example.org', intervalMinutes: 30 }),
      '/run/keelson/gate-is-done': '',
      '/proc/uptime': '4000.0 1.0',
      [statePath]: JSON.stringify({ phase: 'checking', before, attempt: 1 }),
    },
  });
  expect(runUpdateAgent(machine)).toBe(0);
  expect(JSON.parse(machine.files.get(statePath) ?? '')).toEqual({ ...before, checkedAt: now });
});
