import { describe, expect, test } from '@jest/globals';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { runKeelctl } from './run-keelctl.ts';

const folder = '/var/lib/keelson/update';

function run(
  words: string,
  files: Record<string, string> = {},
  answer?: object,
): FakeDevice & { code: number } {
  const device = makeFakeDevice({
    arguments: words.split(' '),
    files: {
      '/usr/lib/keelson/engine.json': '{"recipe":"demo","version":"2026.11.0","services":[]}',
      '/run/update/wake': '',
      ...files,
    },
    commands: [
      (command) => {
        if (command[0] === 'timeout' && answer !== undefined) {
          const { id } = JSON.parse(device.files.get('/run/update/request.json') ?? '{}');
          device.writeFile('/run/update/answer.json', JSON.stringify({ id, ...answer }));
        }
        return undefined;
      },
    ],
  });
  const code = runKeelctl(device);
  return { ...device, code };
}

describe('keelctl update', () => {
  test.each([
    ['check', { action: 'check' }],
    ['install', { action: 'install' }],
    ['install https://example.org/x.raucb', { action: 'install', location: 'https://example.org/x.raucb' }],
    ['install /root/x.raucb', { action: 'install', location: '/root/x.raucb' }],
    ['rollback', { action: 'rollback' }],
  ])('%s asks the agent, and tells what it answers', (words, wanted) => {
    const answer = { isDone: true, isWell: true, message: 'done' };
    const { code, printed, files } = run(`update ${words}`, { '/root/x.raucb': '' }, answer);
    expect(code).toBe(0);
    expect(printed).toEqual(['done']);
    expect(JSON.parse(files.get('/run/update/request.json') ?? '')).toMatchObject(wanted);
  });

  test('what the agent refuses is exit code 1, with its code', () => {
    const answer = { isDone: true, isWell: false, message: 'it is older', code: 'BUNDLE_DOWNGRADE' };
    const { code, errorsPrinted } = run('update check', {}, answer);
    expect(code).toBe(1);
    expect(errorsPrinted).toEqual(['keelctl: it is older [BUNDLE_DOWNGRADE]']);
    expect(JSON.parse(run('update check --json', {}, answer).printed.join(''))).toEqual({
      isWell: false,
      message: 'it is older',
      code: 'BUNDLE_DOWNGRADE',
    });
  });

  test.each([
    ['update dance', 2, 'There is no "update dance"'],
    ['update', 2, 'It is used so: keelctl update check'],
    ['update install /root/none', 1, 'Cannot find /root/none.'],
    [
      'update install /tmp/x.raucb',
      1,
      'Cannot install /tmp/x.raucb: only this session sees it. Copy it below /root or /home.',
    ],
    ['update pin', 2, 'Give the newest version that this machine may take, such as 2026.11.3.'],
    ['update pin latest', 2, 'Give the newest version'],
    ['update check', 1, 'The agent for updates gave no answer. See `keelctl logs update`.'],
  ])('%s: exit code %d', (words, wanted, message) => {
    const { code, errorsPrinted } = run(words, { '/tmp/x.raucb': '' });
    expect(code).toBe(wanted);
    expect(errorsPrinted.join('\n')).toContain(message);
  });

  test('a version that rotted and was left is in the status until something else happens', () => {
    const left = {
      at: 1_795_000_000,
      event: 'demoted',
      fromVersion: '2026.11.2',
      version: '2026.11.0',
      slot: 'b',
      source: { kind: 'other-slot' },
      reasons: ['slot b was started 3 times and did not prove healthy'],
    };
    const history = (...records: object[]) => ({ [`${folder}/history.json`]: JSON.stringify(records) });
    const line =
      'damaged  version 2026.11.2 was left 2026-11-18 11:06 UTC: slot b was started 3 times and did not prove healthy';
    expect(run('update status', history(left)).printed).toContain(line);
    expect(JSON.parse(run('update status --json', history(left)).printed.join('')).demotion).toEqual(left);
    const later = { ...left, event: 'committed', reasons: [] };
    expect(run('update status', history(left, later)).printed.join()).not.toContain('damaged');
  });

  test('without the service', () => {
    const device = makeFakeDevice({ arguments: ['update', 'check'] });
    expect(runKeelctl(device)).toBe(1);
    expect(device.errorsPrinted).toEqual([
      'keelctl: Cannot reach the agent for updates: its service does not run on this machine.',
    ]);
  });

  test('pause and pin are kept together', () => {
    const policy = { [`${folder}/policy.json`]: '{"isPaused":true}' };
    const { files, printed } = run('update pin 2026.11.3', policy);
    expect(JSON.parse(files.get(`${folder}/policy.json`) ?? '')).toEqual({
      isPaused: true,
      pinnedVersion: '2026.11.3',
    });
    expect(printed).toEqual(['Updates are paused, no further than 2026.11.3.']);
    expect(run('update resume', policy).printed).toEqual(['Updates are on.']);
    expect(run('update unpin', policy).printed).toEqual(['Updates are paused.']);
  });

  test('the status of what waits says which containers it must bring back', () => {
    const before = {
      workloads: [{ engine: 'docker', name: 'web' }],
      workloadsFault: 'those of podman cannot be listed: no answer in 30 s',
    };
    const update = { version: '2026.11.1', slot: 'b', before };
    const state = JSON.stringify({ phase: 'staged', restartAt: 1_795_000_000, update });
    expect(run('update status', { [`${folder}/state.json`]: state }).printed.slice(2)).toEqual([
      'watched  container web of docker',
      'watched  containers of users: those of podman cannot be listed: no answer in 30 s',
    ]);
  });

  test('status and history', () => {
    const source = { kind: 'channel', location: 'x' };
    const files = {
      [`${folder}/state.json`]: JSON.stringify({
        phase: 'rolled-back',
        version: '2026.11.1',
        reasons: ['it hung'],
        at: 0,
      }),
      [`${folder}/history.json`]: JSON.stringify([
        {
          at: 0,
          event: 'rolled-back',
          fromVersion: '2026.11.0',
          version: '2026.11.1',
          source,
          reasons: ['it hung'],
        },
      ]),
    };
    expect(run('update status', files).printed).toEqual([
      'runs     demo 2026.11.0',
      'updates  version 2026.11.1 was left 1970-01-01 00:00 UTC: it hung',
    ]);
    expect(run('update history', files).printed).toEqual([
      '1970-01-01 00:00 UTC  rolled-back  2026.11.0 → 2026.11.1  it hung',
    ]);
    expect(run('update history').printed).toEqual(['There has been no update yet.']);
    expect(JSON.parse(run('update status --json').printed.join('\n'))).toMatchObject({
      state: { phase: 'idle' },
    });
  });
});
