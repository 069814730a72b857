import type { Device } from '../device.ts';
import { followOn, makeFollower } from '../shared/follow-file.ts';
import {
  type Level,
  type LogLine,
  levels,
  listLogFiles,
  newestLog,
  parseLogLine,
  rotatedLog,
} from '../shared/log-line.ts';
import {
  CommandFailed,
  followOptions,
  type Invocation,
  type KeelctlCommand,
  printJsonLine,
  readLineCount,
} from './command.ts';
import { findService, readEngine } from './engine.ts';

export const logs: KeelctlCommand = {
  usage: 'logs [-f] [-n LINES] [-p LEVEL] [SERVICE]',
  summary: 'show what a service, or the whole machine, has said',
  audience: 'people',
  operands: [0, 1],
  options: {
    ...followOptions,
    priority: {
      short: '-p',
      value: 'LEVEL',
      summary: `only lines of this level or worse: ${levels.join(', ')}`,
    },
  },
  examples: ['logs -f sshd', 'logs -n 1000 -p warning', 'logs --json docker   # one object a line'],
  run(device, invocation) {
    const [name] = invocation.operands;
    if (name !== undefined) findService(readEngine(device), name);
    const isWanted = makeFilter(name, readPriority(invocation));
    const show = (line: LogLine) =>
      invocation.isJson ? printJsonLine(device, line) : device.print(showLine(line));
    // Before the lines are read, so that none falls between reading and following.
    const follow = makeFollower(device, newestLog, rotatedLog(1));
    for (const line of readLog(device, isWanted, readLineCount(invocation, 200))) show(line);
    if (!invocation.options.has('follow')) return 0;
    return followOn(device, follow, (text) => {
      for (const line of parse(text).filter(isWanted)) show(line);
    });
  },
};

/** The last lines that are wanted, of all files; reads no older file than it must. */
export function readLog(
  device: Device,
  isWanted: (line: LogLine) => boolean,
  count: number,
): readonly LogLine[] {
  let found: readonly LogLine[] = [];
  for (const file of listLogFiles(device).toReversed()) {
    const text = device.readFile(file) ?? '';
    found = [...text.split('\n').flatMap(parse).filter(isWanted), ...found];
    if (found.length >= count) break;
  }
  return found.slice(-count);
}

/** Lines of a service are its own, and what finit says about its starts and ends. */
export function makeFilter(name: string | undefined, worst?: Level): (line: LogLine) => boolean {
  const limit = worst === undefined ? undefined : levels.indexOf(worst);
  const finit = new RegExp(
    `^(Service|Starting|Stopping|Stopped|Successfully restarted crashing service) ${name}\\b(?!-)`,
  );
  return ({ service, stream, level, message }) => {
    if (limit !== undefined && (level === undefined || levels.indexOf(level) > limit)) return false;
    if (name === undefined || service === name) return true;
    return service === 'finit' && stream === 'syslog' && finit.test(message);
  };
}

/** What would move a terminal's cursor, or colour it, is shown and not done. */
export function showLine({ time, service, stream, level, message }: LogLine): string {
  const text = message.replace(
    /[^\P{Cc}\t]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `${time.slice(0, 19)}Z ${service} ${stream}${level === undefined ? '' : ` ${level}`}: ${text}`;
}

function parse(text: string): readonly LogLine[] {
  const line = parseLogLine(text);
  return line === undefined ? [] : [line];
}

function readPriority({ options }: Invocation): Level | undefined {
  const word = options.get('priority');
  if (word === undefined) return undefined;
  const found = levels.find((level) => level === word);
  if (found === undefined) {
    throw new CommandFailed(`The option -p takes a level: ${levels.join(', ')}.`, 2);
  }
  return found;
}
