import { describe, expect, test } from '@jest/globals';
import { makeUkiFixture } from '../../../build/testing/slot-fixture.ts';
import type { Device } from '../device.ts';
import type { StagedUpdate, TrialBoot, UpdateRecord, UpdateState } from '../shared/update/update-record.ts';
import { type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { runHealthGate, usualSettings } from './run-health-gate.ts';

const { deadlineSeconds, settleSeconds } = usualSettings;
const folder = '/var/lib/keelson/update';
const bootFolder = '/run/keelson/esp/EFI/Linux';
const update: StagedUpdate = {
  source: { kind: 'channel', location: 'https://example.org/bundles/two.raucb' },
  version: '2026.11.2',
  slot: 'b',
  fromVersion: '2026.11.1',
  bundleSha256: 'two',
  before: { hasNetwork: true, isStateOnDisk: true },
  bootId: 'boot-1',
};
const trial = (...boots: TrialBoot[]): UpdateState => ({ phase: 'trial', update, boots });
const good = { name: 'sshd', state: 'running', restarts: 0, lastExit: null };
const dead = { name: 'web', state: 'failed', restarts: 3, lastExit: { code: 3 } };

interface Situation {
  readonly slot?: 'a' | 'b';
  readonly names: readonly string[];
  readonly state?: UpdateState;
  readonly bootId?: string;
  /** What `keelctl status` says, look by look; the last one goes on. */
  readonly looks?: readonly { readonly services: readonly object[]; readonly health?: readonly object[] }[];
  readonly files?: Readonly<Record<string, string>>;
  readonly refused?: readonly object[];
  /** Ends with another code than 0. */
  readonly fails?: RegExp;
  readonly isStateFull?: boolean;
}

interface Outcome {
  readonly fake: FakeDevice;
  readonly state: UpdateState | null;
  readonly last: UpdateRecord | undefined;
  /** Without mounting and looking. */
  readonly commands: readonly string[];
  readonly seconds: number;
}

function runGate(situation: Situation): Outcome {
  const { slot = 'b', names, state, looks = [{ services: [good] }] } = situation;
  let look = 0;
  const version = (name: string) => (name.startsWith('a') ? '2026.11.1' : '2026.11.2');
  const boot = { format: 1, slot, disk: 'vda', version: version(slot), refused: situation.refused ?? [] };
  const fake = makeFakeDevice({
    files: {
      '/run/keelson/boot.json': JSON.stringify(boot),
      '/run/keelson/state.json': '{"kind":"disk"}',
      '/proc/sys/kernel/random/boot_id': `${situation.bootId ?? 'boot-2'}\n`,
      '/proc/net/route': 'Iface\tDestination\tGateway\neth0\t00000000\t0202000A\n',
      '/sys/block/vda/vda1/uevent': 'PARTNAME=esp\n',
      '/sys/block/vda/vda2/uevent': 'PARTNAME=root-a\n',
      '/sys/block/vda/vda3/uevent': 'PARTNAME=root-b\n',
      ...Object.fromEntries(names.map((name) => [`${bootFolder}/${name}`, 'x'])),
      ...(state === undefined ? {} : { [`${folder}/state.json`]: JSON.stringify(state) }),
      ...situation.files,
    },
    devices: Object.fromEntries(
      names.map((name) => [`${bootFolder}/${name}`, makeUkiFixture('ab'.repeat(32), 'demo', version(name))]),
    ),
    commands: [
      (command) =>
        situation.fails?.test(command.join(' ')) ? { exitCode: 1, stderr: 'it is broken\n' } : undefined,
      (command) => {
        if (command[0] !== 'keelctl') return undefined;
        const report = looks[Math.min(look++, looks.length - 1)];
        return { stdout: JSON.stringify({ health: [], ...report }) };
      },
    ],
  });
  const startedAt = fake.now();
  const device: Device = {
    ...fake,
    readFile: (path, limit) =>
      path === '/proc/uptime' ? `${(fake.now() - startedAt) / 1000} 0` : fake.readFile(path, limit),
    writeFileDurably: (path, content, mode) => {
      if (situation.isStateFull === true) throw new Error('No space left on device');
      fake.writeFileDurably(path, content, mode);
    },
  };
  expect(runHealthGate(device)).toBe(0);
  return {
    fake,
    state: JSON.parse(fake.files.get(`${folder}/state.json`) ?? 'null'),
    last: JSON.parse(fake.files.get(`${folder}/history.json`) ?? '[]').at(-1),
    commands: fake.commandsRun
      .filter((line) => /boot-backend|^initctl/.test(line))
      .map((line) => line.replace(/^.*\/boot-backend/, 'boot-backend')),
    seconds: (fake.now() - startedAt) / 1000,
  };
}

describe('on trial', () => {
  const names = ['a.efi', 'b+2-1.efi'];
  const staged: UpdateState = { phase: 'staged', update, restartAt: 0 };

  test('well for a while: kept, and the record says so', () => {
    const { state, last, commands, seconds, fake } = runGate({ names, state: staged });
    expect(commands).toEqual(['boot-backend set-state b good', 'boot-backend repair']);
    expect(state).toMatchObject({ phase: 'committed', version: '2026.11.2' });
    expect(last).toMatchObject({ event: 'committed', fromVersion: '2026.11.1', bundleSha256: 'two' });
    expect(seconds).toBeGreaterThanOrEqual(settleSeconds);
    expect(fake.files.has('/run/keelson/trial')).toBe(false);
  });

  test('the power went before the agent said that it is staged: it is measured by the same, and on record', () => {
    const { source, slot, version } = update;
    const state: UpdateState = { phase: 'downloading', source, restartAt: 0, attempt: 1, update };
    const kept = runGate({ names, state });
    expect(kept.state).toMatchObject({ phase: 'committed', version });
    const history = JSON.parse(kept.fake.files.get(`${folder}/history.json`) ?? '[]');
    expect(history).toMatchObject([
      { event: 'staged', slot, version, bundleSha256: 'two' },
      { event: 'committed', version },
    ]);
    const lonely = runGate({ names, state, files: { '/proc/net/route': 'Iface\tDestination\tGateway\n' } });
    expect(lonely.state).toMatchObject({ phase: 'trial', boots: [{ bootId: 'boot-2' }] });
    expect(lonely.commands).toEqual(['initctl --batch reboot']);
  });

  test('an installation that was cut short is the agent’s', () => {
    const { source } = update;
    const state: UpdateState = { phase: 'downloading', source, restartAt: 0, attempt: 1, update };
    expect(runGate({ slot: 'a', names: ['a.efi'], state })).toMatchObject({ state, last: undefined });
  });

  test('a service was started again in between: it must be well from then on', () => {
    const looks = [0, 0, 0, 0, 0, 1].map((restarts) => ({ services: [{ ...good, restarts }] }));
    const { seconds, state } = runGate({ names, state: staged, looks });
    expect(seconds).toBeGreaterThanOrEqual(settleSeconds + 10);
    expect(state?.phase).toBe('committed');
  });

  test('a service that was given up: no waiting; the first time it gets another boot', () => {
    const { state, commands, seconds, fake } = runGate({
      names,
      state: staged,
      looks: [{ services: [good, dead] }],
    });
    expect(commands).toEqual(['initctl --batch reboot']);
    expect(state).toEqual(trial({ bootId: 'boot-2', reasons: ['service web is failed (exit code 3)'] }));
    expect(seconds).toBeLessThan(settleSeconds);
    expect(fake.files.get('/dev/console')).toContain('version 2026.11.2 is not well: service web is failed');
    expect(fake.files.has('/run/keelson/trial')).toBe(true);
  });

  test('the same fault in the second boot: out', () => {
    const state = trial({ bootId: 'boot-1b', reasons: ['service web is failed (exit code 3)'] });
    const { commands } = runGate({ names, state, looks: [{ services: [dead] }] });
    expect(commands).toEqual(['boot-backend set-state b bad', 'initctl --batch reboot']);
  });

  test('another fault in the last boot: out too', () => {
    const state = trial({ bootId: 'x', reasons: ['one'] }, { bootId: 'y', reasons: ['two'] });
    const { commands } = runGate({ names: ['a.efi', 'b+0-3.efi'], state, looks: [{ services: [dead] }] });
    expect(commands).toEqual(['boot-backend set-state b bad', 'initctl --batch reboot']);
  });

  test.each<[string, Partial<Situation>, string]>([
    [
      'a service that is not healthy',
      {
        looks: [
          { services: [good], health: [{ name: 'sshd', isHealthy: false, message: 'no answer in 5 s' }] },
        ],
      },
      'service sshd is not healthy: no answer in 5 s',
    ],
    [
      'no route any more',
      { files: { '/proc/net/route': 'Iface\tDestination\n' } },
      'the network has no default route, and had one before',
    ],
    [
      'no state any more',
      { files: { '/run/keelson/state.json': '{"kind":"memory"}' } },
      'the state partition could not be used, and was before',
    ],
    [
      'a check of the owner',
      { files: { '/etc/keelson/health.d/web': '' }, fails: /health.d.web/ },
      'check web: it is broken',
    ],
    ['services that cannot be asked', { fails: /^keelctl/ }, 'the services cannot be asked how they are'],
  ])('%s: not well when the time is over', (_, situation, reason) => {
    const { state, seconds, commands } = runGate({ names, state: staged, ...situation });
    expect(state).toMatchObject({ phase: 'trial', boots: [{ reasons: [reason] }] });
    expect(seconds).toBeGreaterThan(deadlineSeconds);
    expect(commands).toEqual(['initctl --batch reboot']);
  });

  test('a recipe may be less patient', () => {
    const files = { '/etc/keelson/health-gate.json': '{"deadlineSeconds":60,"settleSeconds":"x"}' };
    const { seconds } = runGate({ names, state: staged, files, fails: /^keelctl/ });
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThan(70);
  });

  test('what was not there before need not be there now', () => {
    const without = { ...update, before: { hasNetwork: false, isStateOnDisk: true } };
    const { state } = runGate({
      names,
      state: { ...staged, update: without },
      files: { '/proc/net/route': '' },
    });
    expect(state?.phase).toBe('committed');
  });

  test.each([
    ['was full before: the version is not to blame', true, 'boot-backend set-state b good'],
    ['is full now, and was not before: it is not well', false, 'initctl --batch reboot'],
  ])('state %s', (_name, isStateFull, command) => {
    const before = { ...update.before, isStateFull };
    const state: UpdateState = { ...staged, update: { ...update, before } };
    expect(runGate({ names, state, isStateFull: true }).commands).toContain(command);
  });

  test('without a record, as when state was lost: judged all the same', () => {
    expect(runGate({ names }).commands).toEqual(['boot-backend set-state b good', 'boot-backend repair']);
    expect(runGate({ names, looks: [{ services: [dead] }] }).commands).toEqual(['initctl --batch reboot']);
  });

  test('there is nothing to return to: it stays, and says so', () => {
    const { commands, fake } = runGate({ names: ['b+2-1.efi'], looks: [{ services: [dead] }] });
    expect(commands).toEqual([]);
    expect(fake.files.get('/dev/console')).toContain('there is no better version to return to');
  });

  test('the boot loader cannot be told: another boot', () => {
    const { commands, state } = runGate({ names, state: staged, fails: /set-state b good/ });
    expect(commands).toEqual(['boot-backend set-state b good', 'initctl --batch reboot']);
    expect(state).toMatchObject({
      boots: [{ reasons: ['the boot loader could not be told: it is broken'] }],
    });
  });
});

describe('back on the old version', () => {
  const names = ['a.efi', 'b+0-3.efi'];

  test.each<[string, UpdateState, readonly object[], readonly string[]]>([
    [
      'what the gate wrote',
      trial({ bootId: '2', reasons: ['one'] }, { bootId: '3', reasons: ['one'] }),
      [],
      ['one'],
    ],
    [
      'it never came as far',
      { phase: 'staged', update, restartAt: 0 },
      [],
      ['it never came as far as its services: the kernel or the root of slot b did not start'],
    ],
    [
      'it hung, or the power went, also before the gate could put that down',
      trial({ bootId: '2', reasons: [] }),
      [],
      ['it started 3 times and came to no verdict: it hung, panicked or lost power'],
    ],
    [
      'the initramfs refused it',
      { phase: 'staged', update, restartAt: 0 },
      [{ partition: 'vda3', reason: 'dm-verity cannot open it' }],
      ['vda3: dm-verity cannot open it'],
    ],
  ])('the reason: %s', (_, state, refused, reasons) => {
    const { last, fake, ...outcome } = runGate({ slot: 'a', names, state, refused, bootId: 'boot-9' });
    expect(last).toMatchObject({ event: 'rolled-back', version: '2026.11.2', bundleSha256: 'two', reasons });
    expect(outcome.state).toMatchObject({ phase: 'rolled-back', reasons });
    expect(outcome.commands).toEqual(['boot-backend repair']);
    expect(fake.files.get('/run/keelson/notice')).toContain(reasons[0]);
  });
});

describe('an ordinary boot', () => {
  test('nothing is pending: it tidies up', () => {
    const { commands, last } = runGate({ slot: 'a', names: ['a.efi'] });
    expect(commands).toEqual(['boot-backend repair']);
    expect(last).toBeUndefined();
  });

  test('staged in this very boot: nothing has been tried yet', () => {
    const state: UpdateState = { phase: 'staged', update, restartAt: 0 };
    const outcome = runGate({ slot: 'a', names: ['a.efi', 'b+3-0.efi'], state, bootId: 'boot-1' });
    expect(outcome.state).toEqual(state);
  });

  test('kept already, the power went before the record: recorded now', () => {
    const { last } = runGate({ names: ['a.efi', 'b.efi'], state: trial({ bootId: '2', reasons: [] }) });
    expect(last).toMatchObject({ event: 'committed', version: '2026.11.2' });
  });
});
