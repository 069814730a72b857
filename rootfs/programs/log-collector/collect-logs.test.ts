import { describe, expect, test } from '@jest/globals';
import { engine } from '../keelctl/demo-machine.ts';
import type { LogLine } from '../shared/log-line.ts';
import { type FakeDevice, FakeExit, makeFakeDevice } from '../testing/fake-device.ts';
import { collectLogs, syslogPipe } from './collect-logs.ts';
import { guessLevel } from './guess-level.ts';
import { LineSplitter, longestLineBytes } from './line-splitter.ts';
import { readKernel, readSyslog } from './read-sources.ts';

const pipes = '/run/keelson/pipes';
const newest = '/var/lib/keelson/log/log.jsonl';
const now = Date.parse('2026-11-21T08:50:31.250Z');

function start(
  settings: { readonly words?: readonly string[]; readonly files?: Readonly<Record<string, string>> } = {},
): FakeDevice {
  const device = makeFakeDevice({
    arguments: settings.words ?? ['1024', '9'],
    now,
    files: {
      '/usr/lib/keelson/engine.json': JSON.stringify(engine),
      '/proc/uptime': '100.00 50.00',
      ...Object.fromEntries(
        engine.services.flatMap(({ name }) => [
          [`${pipes}/${name}.stdout`, ''],
          [`${pipes}/${name}.stderr`, ''],
        ]),
      ),
      ...settings.files,
    },
  });
  collectLogs(device);
  return device;
}

function linesOf(device: FakeDevice, path = newest): readonly LogLine[] {
  const text = device.files.get(path) ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}

describe('lines from all sources', () => {
  test('of services, by stream; of syslog; of the kernel', () => {
    const device = start();
    device.feed(`${pipes}/sshd.stderr`, 'Server listening\r\nhalf a li');
    device.feed(`${pipes}/network.stdout`, '<3>no carrier\n');
    device.feed(syslogPipe, 'Nov 21 08:50:22 demo <117> finit[1]: Starting sshd[237]\n');
    device.feed('/dev/kmsg', '4,812,99000000,-;usb 1-1: strange\n SUBSYSTEM=usb\n');
    device.feed(`${pipes}/sshd.stderr`, 'ne: größer\n');
    device.pass(0);
    const time = '2026-11-21T08:50:31.250Z';
    expect(linesOf(device)).toEqual([
      { seq: 1, time, service: 'sshd', stream: 'stderr', message: 'Server listening' },
      { seq: 2, time, service: 'network', stream: 'stdout', level: 'err', message: 'no carrier' },
      { seq: 3, time, service: 'finit', stream: 'syslog', level: 'notice', message: 'Starting sshd[237]' },
      {
        seq: 4,
        time: '2026-11-21T08:50:30.250Z',
        service: 'kernel',
        stream: 'kernel',
        level: 'warning',
        message: 'usb 1-1: strange',
      },
      { seq: 5, time, service: 'sshd', stream: 'stderr', message: 'half a line: größer' },
    ]);
  });

  test('what has no newline is a line after a second', () => {
    const device = start();
    device.feed(`${pipes}/sshd.stdout`, 'last words');
    device.pass(0);
    expect(linesOf(device)).toEqual([]);
    device.pass(1000);
    expect(linesOf(device)).toMatchObject([{ message: 'last words', stream: 'stdout' }]);
  });

  test('after a restart of the service: numbers go on with a leap, the kernel is not heard twice', () => {
    const files = {
      [newest]:
        '{"seq":41,"time":"2026-11-21T08:50:30.000Z","service":"a","stream":"stdout","message":"b"}\n{"se',
      '/run/keelson/log/kernel-mark': '811',
    };
    const device = start({ files });
    device.feed('/dev/kmsg', '6,811,1,-;old\n');
    device.feed('/dev/kmsg', '6,812,1,-;new\n');
    device.pass(0);
    const text = device.files.get(newest) ?? '';
    // The line that a power cut tore has an end, and the next begins on its own.
    expect(text.split('\n')[1]).toBe('{"se');
    expect(JSON.parse(text.split('\n')[2] ?? '')).toMatchObject({ seq: 100_042, message: 'new' });
  });
});

describe('bounds', () => {
  test('files are rotated, and the oldest goes', () => {
    const device = start({ words: ['1', '2'] });
    for (let count = 0; count < 40; count++) {
      device.feed(`${pipes}/sshd.stdout`, `${'x'.repeat(100)}\n`);
      device.pass(0);
    }
    expect(device.list('/var/lib/keelson/log')).toEqual(['log.1.jsonl', 'log.2.jsonl', 'log.jsonl']);
    expect(linesOf(device, '/var/lib/keelson/log/log.2.jsonl')[0]?.seq).toBeGreaterThan(1);
  });

  test('one that writes without end does not push out the others', () => {
    const device = start();
    device.feed(`${pipes}/sshd.stdout`, 'y\n'.repeat(12_000));
    device.feed(`${pipes}/network.stdout`, 'here I am\n');
    device.pass(0);
    expect(linesOf(device)).toHaveLength(10_001);
    device.pass(30_000);
    device.feed(`${pipes}/sshd.stdout`, 'z\n');
    device.pass(0);
    expect(
      linesOf(device)
        .slice(-2)
        .map(({ message }) => message),
    ).toEqual(['2000 lines were suppressed: more than 10000 in 30 s', 'z']);
  });

  test('state is full: lines are lost, and that is told', () => {
    const device = start();
    const { appendFile } = device;
    device.appendFile = () => {
      throw new Error('No space left on device');
    };
    device.feed(`${pipes}/sshd.stdout`, 'a\nb\n');
    device.pass(0);
    device.appendFile = appendFile;
    device.feed(`${pipes}/sshd.stdout`, 'c\n');
    device.pass(0);
    expect(linesOf(device).map(({ message }) => message)).toEqual([
      '2 lines were lost: they could not be written',
      'c',
    ]);
  });
});

describe('to the disk', () => {
  const sync = `/usr/bin/busybox sync -d ${newest}`;
  test('five seconds after the first line that is not there', () => {
    const device = start();
    device.feed(`${pipes}/sshd.stdout`, 'a\n');
    device.pass(0);
    device.pass(4999);
    expect(device.commandsRun).toEqual([]);
    device.pass(1);
    expect(device.commandsRun).toEqual([sync]);
  });
  test('bad news at once', () => {
    const device = start();
    device.feed('/dev/kmsg', '2,1,1,-;EXT4-fs error\n');
    device.pass(0);
    expect(device.commandsRun).toEqual([sync]);
  });
  test('before the service ends, with what had no newline', () => {
    const device = start();
    device.feed(`${pipes}/sshd.stdout`, 'good bye');
    expect(device.files.has('/run/keelson/log/reading')).toBe(true);
    expect(() => device.terminate()).toThrow(new FakeExit(0));
    expect(device.files.has('/run/keelson/log/reading')).toBe(false);
    expect(linesOf(device)).toMatchObject([{ message: 'good bye' }]);
    expect(device.commandsRun).toEqual([sync]);
  });
});

describe('levels', () => {
  const situations: readonly (readonly [string, string | undefined])[] = [
    ['<4>from sd-daemon', 'warning'],
    ['time="2026-11-21T08:50:31Z" level=error msg="no such container"', 'err'],
    ['{"time":"2026-11-21","level":"debug","msg":"x"}', 'debug'],
    ['2026/11/21 08:50:31 [warn] 7#7: the "user" directive', 'warning'],
    ['2026-11-21 08:50:31,250 INFO server started', 'info'],
    ['error: kex_exchange_identification: banner line too long', 'err'],
    ['Server listening on 0.0.0.0 port 22.', undefined],
    ['an error in the middle of a sentence', undefined],
    ['INFORMAL meetings', undefined],
  ];
  test.each(situations)('%s', (text, level) => {
    expect(guessLevel(text).level).toBe(level);
  });
});

test('lines of syslogd, whatever they look like', () => {
  const read = (text: string) => {
    const { service, level, message } = readSyslog(text, now);
    return [service, level, message];
  };
  expect(read('Nov  1 08:50:31 demo auth.err su[12]: bad su')).toEqual(['su', 'err', 'bad su']);
  expect(read('Nov 21 08:50:31 demo daemon.warn chore-by-syslog: done^M')).toEqual([
    'chore-by-syslog',
    'warning',
    'done',
  ]);
  expect(read('Nov 21 08:50:31 demo syslog.info syslogd started: BusyBox v1.37.0')).toEqual([
    'syslog',
    'info',
    'syslogd started: BusyBox v1.37.0',
  ]);
  expect(read('no line of syslogd')).toEqual(['syslog', undefined, 'no line of syslogd']);
});

test('what is no record of the kernel', () => {
  expect(readKernel('garbage', now)).toBeUndefined();
});

test('a line without end comes in parts', () => {
  const splitter = new LineSplitter();
  const lines = splitter.push(new Uint8Array(longestLineBytes * 2 + 10).fill(0x61));
  expect(lines.map((line) => line.length)).toEqual([longestLineBytes, longestLineBytes]);
  expect(splitter.flush()).toEqual(['aaaaaaaaaa']);
});

test('a character that is cut in two by the end of a read', () => {
  const splitter = new LineSplitter();
  const bytes = new TextEncoder().encode('ü\n');
  expect(splitter.push(bytes.subarray(0, 1))).toEqual([]);
  expect(splitter.push(bytes.subarray(1))).toEqual(['ü']);
});
