import { describe, expect, test } from '@jest/globals';
import type { UpdateRecord, UpdateState } from '../shared/update/update-record.ts';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { runUpdateAgent } from './run-update-agent.ts';

const folder = '/var/lib/keelson/update';
const now = 1_795_000_000;
const settings = {
  format: 1,
  compatible: 'demo-x86-64',
  url: '',
  channel: 'stable',
  intervalMinutes: 30,
  minimumVersion: '2026.01.0',
  windows: [],
  report: true,
};
const judged = {
  offered: { compatible: 'demo-x86-64', version: '2026.11.1', sequence: 202611000001, imageSha256: 'ab' },
};
const before = { hasNetwork: true, isStateOnDisk: true };
const staged: UpdateState = {
  phase: 'staged',
  restartAt: now + 100,
  update: {
    source: { kind: 'file', location: '/root/x.raucb' },
    version: '2026.11.1',
    slot: 'b',
    fromVersion: '2026.11.0',
    before,
    bootId: 'boot-1',
  },
};

interface Situation {
  readonly state?: UpdateState;
  readonly request?: object;
  readonly settings?: object;
  readonly bootId?: string;
  readonly isGateBusy?: boolean;
  readonly commands?: readonly FakeCommand[];
}

function makeMachine(situation: Situation = {}): FakeDevice {
  const json = (value: unknown) => (value === undefined ? {} : JSON.stringify(value));
  const files: Record<string, unknown> = {
    '/usr/lib/update/settings.json': json({ ...settings, ...situation.settings }),
    '/usr/lib/keelson/engine.json': json({ version: '2026.11.0', builtAt: now - 1000, services: [] }),
    '/run/keelson/boot.json': json({ format: 1, slot: 'a', disk: 'vda', version: '2026.11.0', refused: [] }),
    ...(situation.isGateBusy ? {} : { '/run/keelson/gate-is-done': '' }),
    '/run/keelson/state.json': json({ kind: 'disk' }),
    '/proc/sys/kernel/random/boot_id': situation.bootId ?? 'boot-1',
    '/proc/net/route': 'Iface\tDestination\neth0\t00000000\t0202000A\n',
    '/proc/uptime': '4000.0 1.0',
    '/sys/block/vda/vda2/uevent': 'PARTNAME=root-a\n',
    '/sys/block/vda/vda3/uevent': 'PARTNAME=root-b\n',
    [`${folder}/state.json`]: json(situation.state),
    [`${folder}/reserve`]: '',
    '/run/update/request.json': json(situation.request),
  };
  const present = Object.entries(files).filter(([, text]) => typeof text === 'string');
  return makeFakeDevice({
    arguments: ['run'],
    now: now * 1000,
    files: Object.fromEntries(present) as Record<string, string>,
    commands: situation.commands ?? [],
  });
}

const read = (machine: FakeDevice, path: string) => JSON.parse(machine.files.get(path) ?? 'null');
const stateOf = (machine: FakeDevice): UpdateState => read(machine, `${folder}/state.json`);
const lastOf = (machine: FakeDevice): UpdateRecord => read(machine, `${folder}/history.json`)?.at(-1);

/** RAUC, as far as the agent sees it: the handler runs, then the command ends. */
const rauc =
  (
    machine: () => FakeDevice,
    outcome: { exitCode?: number; stderr?: string; judged?: unknown },
  ): FakeCommand =>
  (command) => {
    if (command[0] !== '/usr/lib/update/install') return undefined;
    if (outcome.judged !== undefined) {
      machine().writeFile('/run/update/judged.json', JSON.stringify(outcome.judged));
    }
    return { exitCode: outcome.exitCode ?? 0, stderr: outcome.stderr ?? '' };
  };

describe('a person asks for a file', () => {
  const request = { id: '7', action: 'install', location: '/root/x.raucb' };

  test('it is staged, recorded, and the machine restarts', () => {
    const machine: FakeDevice = makeMachine({ request, commands: [rauc(() => machine, { judged })] });
    expect(runUpdateAgent(machine)).toBe(0);
    expect(stateOf(machine)).toMatchObject({
      phase: 'staged',
      update: { version: '2026.11.1', slot: 'b', fromVersion: '2026.11.0', before, bootId: 'boot-1' },
    });
    expect(lastOf(machine)).toMatchObject({ event: 'staged', version: '2026.11.1' });
    expect(read(machine, '/run/update/answer.json')).toMatchObject({ id: '7', isDone: true, isWell: true });
    expect(machine.commandsRun).toEqual(['/usr/lib/update/install /root/x.raucb', 'initctl --batch reboot']);
    expect(machine.readLink('/run/update/root-b')).toBe('/dev/vda3');
    expect(machine.files.has('/run/update/accepted.json')).toBe(false);
  });

  test.each([
    ['LastError: signature verification failed: Verify error: unable to get local issuer', 'BUNDLE_UNSIGNED'],
    [
      "LastError: Compatible mismatch: Expected 'demo-x86-64' but bundle manifest has 'x'",
      'BUNDLE_INCOMPATIBLE',
    ],
    ['LastError: Failed to open bundle: Bundle signature size is invalid', 'BUNDLE_DAMAGED'],
  ])('RAUC says "%s": refused', (stderr, code) => {
    const machine: FakeDevice = makeMachine({
      request,
      commands: [rauc(() => machine, { exitCode: 1, stderr })],
    });
    runUpdateAgent(machine);
    expect(lastOf(machine)).toMatchObject({ event: 'refused', code, reasons: [stderr.slice(11)] });
    expect(read(machine, '/run/update/answer.json')).toMatchObject({ isWell: false, code });
    expect(stateOf(machine).phase).toBe('idle');
  });

  test('something breaks: failed, with its words', () => {
    const machine: FakeDevice = makeMachine({
      request,
      commands: [rauc(() => machine, { exitCode: 1, stderr: 'D-Bus went away\n' })],
    });
    runUpdateAgent(machine);
    expect(lastOf(machine)).toMatchObject({ event: 'failed', reasons: ['D-Bus went away'] });
  });

  test('while the health gate is at work: it waits', () => {
    const machine = makeMachine({ request, isGateBusy: true });
    runUpdateAgent(machine);
    expect(machine.printed).toEqual(['5']);
    expect(machine.files.has('/run/update/request.json')).toBe(true);
  });

  test('while another one is staged: refused', () => {
    const machine = makeMachine({ request, state: staged });
    runUpdateAgent(machine);
    expect(read(machine, '/run/update/answer.json')).toMatchObject({ isWell: false, code: 'UPDATE_BUSY' });
    expect(stateOf(machine)).toEqual(staged);
  });
});

const minuteOfDay = Math.floor(now / 60) % 1440;
const closed = { days: [], startMinute: (minuteOfDay + 600) % 1440, lengthMinutes: 60 };
const open = { days: [], startMinute: minuteOfDay, lengthMinutes: 60 };

describe('taken up again after a power cut', () => {
  test('staged: it waits for its window, then restarts', () => {
    const machine = makeMachine({ state: staged, settings: { windows: [closed] } });
    runUpdateAgent(machine);
    expect(machine.printed).toEqual(['100']);
    const due = makeMachine({ state: { ...staged, restartAt: now }, settings: { windows: [closed] } });
    runUpdateAgent(due);
    expect(due.commandsRun).toEqual(['initctl --batch reboot']);
  });

  test('staged, and its owner has opened a window since: it restarts', () => {
    const machine = makeMachine({ state: staged, settings: { windows: [closed, open] } });
    runUpdateAgent(machine);
    expect(machine.commandsRun).toEqual(['initctl --batch reboot']);
  });

  test('staged in an earlier boot: that is the health gate’s', () => {
    const machine = makeMachine({ state: { ...staged, restartAt: 0 }, bootId: 'boot-2' });
    runUpdateAgent(machine);
    expect(machine.commandsRun).toEqual([]);
    expect(stateOf(machine).phase).toBe('staged');
  });

  test('in the middle of a person’s installation: failed, and told', () => {
    const source = { kind: 'file', location: '/root/x.raucb' } as const;
    const machine = makeMachine({ state: { phase: 'downloading', source, restartAt: 0, attempt: 1 } });
    machine.writeFile('/run/update/answer.json', '{ "id": "8", "isDone": false, "message": "installing" }');
    runUpdateAgent(machine);
    const message = 'the installation was interrupted';
    expect(lastOf(machine)).toMatchObject({ event: 'failed', reasons: [message] });
    expect(stateOf(machine).phase).toBe('idle');
    const answered = { id: '8', isDone: true, isWell: false, message, code: 'INSTALL_INTERRUPTED' };
    expect(read(machine, '/run/update/answer.json')).toEqual(answered);
  });

  test('in the middle of a person’s installation, and the person asks again: that is done at once', () => {
    const source = { kind: 'file', location: '/root/x.raucb' } as const;
    const machine: FakeDevice = makeMachine({
      state: { phase: 'downloading', source, restartAt: 0, attempt: 1 },
      request: { id: '8', action: 'install', location: '/root/x.raucb' },
      commands: [rauc(() => machine, { judged })],
    });
    runUpdateAgent(machine);
    const events = read(machine, `${folder}/history.json`).map(({ event }: UpdateRecord) => event);
    expect(events).toEqual(['failed', 'staged']);
    expect(read(machine, '/run/update/answer.json')).toMatchObject({ id: '8', isWell: true });
  });

  test('in the middle of one from the channel, too often: given up', () => {
    const source = { kind: 'channel', location: 'https://example.org/bundles/x.raucb' } as const;
    const machine = makeMachine({ state: { phase: 'downloading', source, restartAt: 0, attempt: 3 } });
    runUpdateAgent(machine);
    expect(lastOf(machine)).toMatchObject({ event: 'failed', reasons: ['interrupted 3 times'] });
  });

  test('damaged records are no records', () => {
    const machine = makeMachine();
    machine.writeFile(`${folder}/state.json`, '{"phase":');
    expect(runUpdateAgent(machine)).toBe(0);
    expect(machine.printed).toEqual(['86400']);
  });
});

test('without a channel a check says so', () => {
  const machine = makeMachine({ request: { id: '1', action: 'check' } });
  runUpdateAgent(machine);
  expect(read(machine, '/run/update/answer.json')).toMatchObject({ message: 'this machine has no channel' });
});
