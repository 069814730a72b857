import { describe, expect, test } from '@jest/globals';
import type { LogLine } from '../shared/log-line.ts';
import { type LogTarget, logTargetsFile, parseLogTarget } from '../shared/log-target.ts';
import { type FakeCommand, type FakeDevice, makeFakeDevice } from '../testing/fake-device.ts';
import { forwardLogs, makeRounds } from './forward-logs.ts';
import { formatJournal, formatJson, formatSyslog, frameSyslog } from './log-formats.ts';

const folder = '/var/lib/keelson/log';
const sender = {
  hostname: 'demo',
  machineId: '0123456789abcdef0123456789abcdef',
  bootId: '01234567-89ab-cdef-0123-456789abcdef',
  bootedAt: Date.parse('2026-11-21T08:50:00.000Z'),
};

function line(seq: number, changes: Partial<LogLine> = {}): LogLine {
  const time = '2026-11-21T08:50:31.250Z';
  return { seq, time, service: 'sshd', stream: 'stderr', message: `line ${seq}`, ...changes };
}

function file(...numbers: readonly number[]): string {
  return numbers.map((seq) => `${JSON.stringify(line(seq))}\n`).join('');
}

function target(url: string, changes: Partial<LogTarget> = {}): LogTarget {
  return { ...(parseLogTarget(url) as LogTarget), ...changes };
}

interface Sent {
  readonly command: string;
  readonly input: string;
}

function makeMachine(files: Readonly<Record<string, string>>, isReachable: () => boolean = () => true) {
  const sent: Sent[] = [];
  const server: FakeCommand = (command, input) => {
    if (!isReachable()) return { exitCode: 1, stderr: 'socat[1] E connect: Connection refused\n' };
    sent.push({ command: command.join(' '), input });
    return {};
  };
  const device = makeFakeDevice({ files, commands: [server] });
  return { device, sent };
}

describe('formats', () => {
  test('RFC 5424', () => {
    expect(formatSyslog(line(7), sender)).toBe(
      '<30>1 2026-11-21T08:50:31.250Z demo sshd - stderr [meta sequenceId="7"] line 7',
    );
    expect(formatSyslog(line(8, { stream: 'kernel', service: 'kernel', level: 'err' }), sender)).toBe(
      '<3>1 2026-11-21T08:50:31.250Z demo kernel - kernel [meta sequenceId="8"] line 8',
    );
    const strange = line(2 ** 31, { service: 'a b\n', message: 'größer' });
    expect(formatSyslog(strange, { ...sender, hostname: '' })).toBe(
      '<30>1 2026-11-21T08:50:31.250Z - ab - stderr [meta sequenceId="1"] \ufeffgrößer',
    );
  });
  test('the length of a frame is in bytes', () => {
    expect(frameSyslog('ü€😀')).toBe('9 ü€😀');
  });
  test('JSON lines', () => {
    expect(JSON.parse(formatJson(line(7), sender))).toEqual({
      ...line(7),
      host: 'demo',
      machineId: sender.machineId,
    });
  });
  test('the journal’s export format', () => {
    expect(formatJournal(line(7, { level: 'warning' }), sender).split('\n')).toEqual([
      '__REALTIME_TIMESTAMP=1795251031250000',
      '__MONOTONIC_TIMESTAMP=31250000',
      '_BOOT_ID=0123456789abcdef0123456789abcdef',
      '_HOSTNAME=demo',
      '_MACHINE_ID=0123456789abcdef0123456789abcdef',
      'SYSLOG_IDENTIFIER=sshd',
      'PRIORITY=4',
      '_TRANSPORT=stdout',
      'KEELSON_STREAM=stderr',
      'KEELSON_SEQ=7',
      'MESSAGE=line 7',
      '',
      '',
    ]);
  });
});

describe('delivery', () => {
  const lines = (input: string) =>
    [...input.matchAll(/sequenceId="(\d+)"/g)].map(([, number]) => Number(number));

  test('over TCP: all that is new, over rotations, and each line once', () => {
    const { device, sent } = makeMachine({
      [`${folder}/log.1.jsonl`]: file(1, 2),
      [`${folder}/log.jsonl`]: `${file(3)}{"seq":4,"ti`,
    });
    const round = makeRounds(device, [target('syslog+tcp://10.0.0.5')]);
    while (round());
    expect(sent.map(({ input }) => lines(input))).toEqual([[1, 2], [3]]);
    expect(sent[0]?.command).toBe('timeout 25 socat -u -b 65536 STDIN TCP:10.0.0.5:514,connect-timeout=5');
    device.files.set(`${folder}/log.2.jsonl`, file(1, 2));
    device.files.set(`${folder}/log.1.jsonl`, file(3, 4));
    device.files.set(`${folder}/log.jsonl`, file(5));
    while (round());
    expect(sent.slice(2).map(({ input }) => lines(input))).toEqual([[4], [5]]);
    expect(JSON.parse(device.files.get('/var/lib/log-forward/marks.json') ?? '')).toEqual({
      'syslog+tcp://10.0.0.5': 5,
    });
  });

  test('a datagram for each line over UDP', () => {
    const { device, sent } = makeMachine({ [`${folder}/log.jsonl`]: file(1, 2) });
    makeRounds(device, [target('syslog+udp://[fd00::5]')])();
    expect(sent.map(({ input }) => lines(input))).toEqual([[1], [2]]);
    expect(sent[0]?.command).toContain('UDP-SENDTO:[fd00::5]:514');
  });

  test('TLS checks the name, by the authority that was given', () => {
    const { device, sent } = makeMachine({ [`${folder}/log.jsonl`]: file(1) });
    makeRounds(device, [target('syslog+tls://logs.example.org', { authority: 'PEM' })])();
    expect(sent[0]?.command).toContain(
      'OPENSSL:logs.example.org:6514,connect-timeout=5,verify=1,cafile=/run/target-authority.pem,commonname=logs.example.org',
    );
    expect(device.files.get('/run/target-authority.pem')).toBe('PEM');
  });

  test('a token is in no command line', () => {
    const { device, sent } = makeMachine({ [`${folder}/log.jsonl`]: file(1) });
    makeRounds(device, [target('json+https://logs.example.org/in', { token: 'secret' })])();
    expect(sent[0]?.command).toContain('--cacert /run/authorities.pem');
    expect(sent[0]?.command).toMatch(/https:\/\/logs\.example\.org:443\/in$/);
    expect(sent[0]?.command).not.toContain('secret');
    expect(device.files.get('/run/curl.conf')).toBe('header = "Authorization: Bearer secret"\n');
    expect(device.modes.get('/run/curl.conf')).toBe(0o600);
  });

  test('a target that cannot be reached is told once, and has all of it later', () => {
    let isReachable = false;
    const { device, sent } = makeMachine({ [`${folder}/log.jsonl`]: file(1) }, () => isReachable);
    const round = makeRounds(device, [target('syslog+tcp://10.0.0.5')]);
    for (let count = 0; count < 5; count++) {
      round();
      device.sleep(60_000);
    }
    isReachable = true;
    round();
    expect(sent.map(({ input }) => lines(input))).toEqual([[1]]);
    expect(device.errorsPrinted).toEqual([
      '<4>Cannot send to syslog+tcp://10.0.0.5: socat[1] E connect: Connection refused. Trying again.',
      '<5>syslog+tcp://10.0.0.5 can be reached again',
    ]);
  });

  test('goes on where it was before a reboot; a log that was begun anew is sent from its start', () => {
    const marks = { '/var/lib/log-forward/marks.json': '{"syslog+tcp://a":2}' };
    const later = makeMachine({ ...marks, [`${folder}/log.jsonl`]: file(1, 2, 3) });
    makeRounds(later.device, [target('syslog+tcp://a')])();
    expect(later.sent.map(({ input }) => lines(input))).toEqual([[3]]);
    const old = { '/var/lib/log-forward/marks.json': '{"syslog+tcp://a":200000}' };
    const anew = makeMachine({ ...old, [`${folder}/log.jsonl`]: file(1) });
    makeRounds(anew.device, [target('syslog+tcp://a')])();
    expect(anew.sent.map(({ input }) => lines(input))).toEqual([[1]]);
  });

  test('lines that were sent before a power cut took them: what comes after them is sent, and nothing twice', () => {
    const marks = { '/var/lib/log-forward/marks.json': '{"syslog+tcp://a":5}' };
    const { device, sent } = makeMachine({ ...marks, [`${folder}/log.jsonl`]: file(1, 2, 3) });
    const round = makeRounds(device, [target('syslog+tcp://a')]);
    expect(round()).toBe(false);
    device.files.set(`${folder}/log.jsonl`, file(1, 2, 3, 100_004));
    round();
    expect(sent.map(({ input }) => lines(input))).toEqual([[100_004]]);
    // A leap between two files.
    device.files.set(`${folder}/log.1.jsonl`, file(1, 2, 3, 100_004));
    device.files.set(`${folder}/log.jsonl`, file(200_005));
    round();
    expect(sent.slice(1).map(({ input }) => lines(input))).toEqual([[200_005]]);
  });
});

test('nothing to send: it is done', () => {
  const device: FakeDevice = makeFakeDevice();
  expect(forwardLogs(device)).toBe(0);
  device.files.set(logTargetsFile, '[]');
  expect(forwardLogs(device)).toBe(0);
});
