import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseEvent, type ServiceEvent } from './event-record.ts';

const script = join(import.meta.dirname, '../../layers/base/files/note-event');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'events-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the machine's script by this computer's shell, which need not know ash's EPOCHREALTIME; its exit code must be 0. */
function note(commands: string, record = join(folder, 'events.jsonl')): void {
  const lines = [
    `. "${script}"`,
    `events="${record}" EPOCHREALTIME=1763715031.250000`,
    'busybox() { "$@"; }',
    commands,
  ];
  execFileSync('sh', ['-e', '-c', lines.join('\n')]);
}

function read(name = 'events.jsonl'): readonly ServiceEvent[] {
  return readFileSync(join(folder, name), 'utf8').split('\n').flatMap(parseEvent);
}

test('a line for each event, as keelctl reads it', () => {
  note('note_event sshd start; note_event sshd exit "\\"code\\":3,\\"isTold\\":true"');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  expect(read()).toEqual([
    { at: 1763715031.25, uptime: expect.any(Number), boot, service: 'sshd', event: 'start' },
    expect.objectContaining({ event: 'exit', code: 3, isTold: true }),
  ]);
});

test('a record that has grown large is put aside when something ends, and the one before it is forgotten', () => {
  writeFileSync(join(folder, 'events.jsonl'), 'x'.repeat(262_144));
  note('note_event sshd start');
  expect(existsSync(join(folder, 'events.1.jsonl'))).toBe(false);
  note('note_event sshd exit; note_event sshd start');
  expect(read().map(({ event }) => event)).toEqual(['start']);
  expect(read('events.1.jsonl').at(-1)).toMatchObject({ event: 'exit' });
});

test('nobody fails because it cannot be written', () => {
  expect(() => note('note_event sshd start', '/nowhere/at/all')).not.toThrow();
});
