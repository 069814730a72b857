import { errorToJson } from '../../errors/render-error.ts';
import type { EventSink } from '../../events/build-event.ts';

/** One event a line on standard output, for machines. */
export function jsonListener(writeLine: (line: string) => void): EventSink {
  return (event) => {
    writeLine(
      JSON.stringify(event.type === 'fault' ? { type: 'fault', ...errorToJson(event.error) } : event),
    );
  };
}
