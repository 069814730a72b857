import { followOn, makeFollower } from '../shared/follow-file.ts';
import { followOptions, type KeelctlCommand, printJsonLine, readLineCount } from './command.ts';
import { findService, readEngine } from './engine.ts';
import {
  describeExit,
  eventFiles,
  parseEvent,
  readBootId,
  readEvents,
  type ServiceEvent,
} from './event-record.ts';
import { showTime } from './table.ts';

export const events: KeelctlCommand = {
  usage: 'events [-f] [-n LINES] [--boot] [SERVICE]',
  summary: 'show starts, exits and changes of health, also of earlier boots',
  audience: 'people',
  operands: [0, 1],
  options: { ...followOptions, boot: { summary: 'only of this boot' } },
  examples: ['events -f', 'events --boot sshd', 'events -n 1000 --json'],
  run(device, invocation) {
    const { operands, options, isJson } = invocation;
    const [name] = operands;
    if (name !== undefined) findService(readEngine(device), name);
    const boot = options.has('boot') ? readBootId(device) : undefined;
    const isWanted = (event: ServiceEvent) =>
      (name === undefined || event.service === name) && (boot === undefined || event.boot === boot);
    const show = (event: ServiceEvent) =>
      isJson ? printJsonLine(device, event) : device.print(showEvent(event));
    const follow = makeFollower(device, eventFiles.newest, eventFiles.previous);
    for (const event of readEvents(device).filter(isWanted).slice(-readLineCount(invocation, 50)))
      show(event);
    if (!options.has('follow')) return 0;
    return followOn(device, follow, (line) => {
      for (const event of parseEvent(line).filter(isWanted)) show(event);
    });
  },
};

export function showEvent(event: ServiceEvent): string {
  const words = [
    ...(event.event === 'exit' ? [describeExit(event)] : []),
    ...(event.message === undefined ? [] : [event.message]),
  ];
  return `${showTime(event.at)}  ${event.service}  ${event.event}${words.length === 0 ? '' : `  ${words.join(', ')}`}`;
}
