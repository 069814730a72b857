import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { type KeelctlCommand, printJson } from './command.ts';
import { findService, readEngine } from './engine.ts';

const newestFile = `${machineLayout.logs}/messages`;
const pollMs = 500;
const readBytesAtOnce = 65_536;

export const logs: KeelctlCommand = {
  usage: 'logs [-f] [-n LINES] [SERVICE]',
  summary: 'show what a service, or the whole machine, has said',
  audience: 'people',
  operands: [0, 1],
  run(device, { operands: [name], isFollowing, isJson, lineCount }) {
    if (name !== undefined) findService(readEngine(device), name);
    // Before the lines are read, so that none falls between reading and following.
    const offset = device.status(newestFile)?.sizeBytes ?? 0;
    const lines = readLines(device, name).slice(-lineCount);
    if (isJson) {
      printJson(device, lines);
      return 0;
    }
    for (const line of lines) device.print(line);
    if (isFollowing) follow(device, name, offset);
    return 0;
  },
};

/** Of all files, oldest first. */
function readLines(device: Device, name: string | undefined): readonly string[] {
  return device
    .list(machineLayout.logs)
    .filter((file) => /^messages(\.\d+)?$/.test(file))
    .sort((a, b) => ageOf(b) - ageOf(a))
    .flatMap((file) => selectLines(device.readFile(`${machineLayout.logs}/${file}`) ?? '', name));
}

/** `messages` is the newest, then `messages.0`, `messages.1`, and so on. */
function ageOf(file: string): number {
  return file === 'messages' ? -1 : Number(file.slice('messages.'.length));
}

function follow(device: Device, name: string | undefined, start: number): never {
  const decoder = makeDecoder();
  let offset = start;
  let rest = '';
  for (;;) {
    // A file that has become shorter is a new one: the log was rotated.
    if ((device.status(newestFile)?.sizeBytes ?? 0) < offset) offset = 0;
    const bytes = device.readBytes(newestFile, offset, readBytesAtOnce) ?? new Uint8Array();
    offset += bytes.length;
    const text = rest + decoder(bytes);
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    for (const line of selectLines(text.slice(0, end), name)) device.print(line);
    if (bytes.length < readBytesAtOnce) device.sleep(pollMs);
  }
}

/** Bytes to text; QuickJS has no TextDecoder. A character cut in two by the end of a read waits for its rest. */
function makeDecoder(): (bytes: Uint8Array) => string {
  let waiting: number[] = [];
  return (bytes) => {
    const all = [...waiting, ...bytes];
    const lastStart = all.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
    const lead = all[lastStart] ?? 0;
    const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    const isCut = lastStart >= 0 && all.length - lastStart < length;
    waiting = isCut ? all.slice(lastStart) : [];
    const escaped = (isCut ? all.slice(0, lastStart) : all).map(
      (byte) => `%${byte.toString(16).padStart(2, '0')}`,
    );
    try {
      return decodeURIComponent(escaped.join(''));
    } catch {
      return unescape(escaped.join(''));
    }
  };
}

/**
 * syslogd's lines: `Nov 21 08:50:31 host daemon.info TAG: text`. Those of a service bear its name as the tag; what finit
 * says about its starts and ends belongs to them.
 */
function selectLines(text: string, name: string | undefined): readonly string[] {
  // Some programs end their lines as if for a terminal; syslogd writes that as two characters.
  const lines = text
    .split('\n')
    .map((line) => line.replace(/\^M$/, ''))
    .filter((line) => line !== '');
  if (name === undefined) return lines;
  const own = new RegExp(`^\\S+ +\\d+ [\\d:]+ \\S+ \\S+ ${name}(\\[\\d+\\])?: `);
  const finit = new RegExp(
    ` finit\\[1\\]: (Service|Starting|Stopping|Stopped|Successfully restarted crashing service) ${name}\\b(?!-)`,
  );
  return lines.filter((line) => own.test(line) || finit.test(line));
}
