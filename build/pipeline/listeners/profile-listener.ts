import type { EventSink } from '../../events/build-event.ts';
import type { Span, SpanFacts } from '../../events/span.ts';
import { makeTrace, type TimedSpan, type Trace } from './trace-events.ts';

/** Notes when everything began and ended. */
export interface Profile {
  readonly emit: EventSink;
  /** All until now; what has not ended is marked so. */
  trace(title: string): Trace;
}

/** `elapsedMs` gives the milliseconds since the process started: what was before the listener is `start` in the trace. */
export function profileListener(elapsedMs: () => number): Profile {
  const started: Span = { kind: 'work', title: 'start and load the program' };
  const open = new Map<Span, number>();
  const ended: TimedSpan[] = [{ span: started, startMs: 0, endMs: elapsedMs(), facts: {} }];
  const end = (span: Span, facts: SpanFacts): void => {
    const startMs = open.get(span);
    if (startMs === undefined) return;
    open.delete(span);
    ended.push({ span, startMs, endMs: elapsedMs(), facts });
  };
  return {
    emit: (event) => {
      if (event.type === 'span-started') open.set(event.span, elapsedMs());
      if (event.type === 'span-finished') end(event.span, event.facts);
    },
    trace: (title) => {
      const endMs = elapsedMs();
      const unfinished = [...open].map(([span, startMs]) => ({
        span,
        startMs,
        endMs,
        facts: { result: 'unfinished' },
      }));
      return makeTrace(title, [...ended, ...unfinished]);
    },
  };
}
