import { errorToJson } from '../../errors/render-error.ts';
import type { EventSink } from '../../events/build-event.ts';

/** One event a line on standard output, for machines; spans are for profiles. */
export function jsonListener(writeLine: (line: string) => void): EventSink {
  return (event) => {
    if (event.type === 'span-started' || event.type === 'span-finished') return;
    writeLine(
      JSON.stringify(event.type === 'fault' ? { type: 'fault', ...errorToJson(event.error) } : event),
    );
  };
}
