import type { Span, SpanFacts } from '../../events/span.ts';

/** A span with its times, in milliseconds since the process started. */
export interface TimedSpan {
  readonly span: Span;
  readonly startMs: number;
  readonly endMs: number;
  readonly facts: SpanFacts;
}

interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  readonly ph: 'X' | 'M';
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: SpanFacts;
}

/** The object form of the Trace Event Format, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. */
export interface Trace {
  readonly displayTimeUnit: 'ms';
  readonly traceEvents: readonly TraceEvent[];
}

/** Viewers group by process; there is one. */
const pid = 1;

/**
 * Complete events, each in a lane (`tid`) where it lies wholly within the one before it, or after it. A span has the lane of what it
 * is a part of, unless something else runs there side by side.
 */
export function makeTrace(title: string, timed: readonly TimedSpan[]): Trace {
  const lanes = new Lanes();
  // Outer ones first, where both begin at once.
  const ordered = timed.toSorted(
    (one, other) => one.startMs - other.startMs || depthOf(one.span) - depthOf(other.span),
  );
  const spans = ordered.map(({ span, startMs, endMs, facts }): TraceEvent => {
    const ts = microseconds(startMs);
    return {
      name: span.title,
      cat: span.kind,
      ph: 'X',
      ts,
      dur: microseconds(endMs) - ts,
      pid,
      tid: lanes.place(span, startMs, endMs),
      args: facts,
    };
  });
  const name = (what: 'process_name' | 'thread_name', tid: number, text: string): TraceEvent => ({
    name: what,
    ph: 'M',
    pid,
    tid,
    args: { name: text },
  });
  return {
    displayTimeUnit: 'ms',
    traceEvents: [
      name('process_name', 0, title),
      ...Array.from({ length: lanes.count }, (_, tid) => name('thread_name', tid, `lane ${tid + 1}`)),
      ...spans,
    ],
  };
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

function depthOf({ within }: Span): number {
  return within === undefined ? 0 : 1 + depthOf(within);
}

interface PlacedSpan {
  readonly span: Span;
  readonly endMs: number;
}

class Lanes {
  /** Of each lane what has not ended when the last span that came begins, outermost first. */
  readonly #open: PlacedSpan[][] = [];
  readonly #laneOf = new Map<Span, number>();

  get count(): number {
    return this.#open.length;
  }

  /** The lane of a span; spans must come in the order of their beginnings. */
  place(span: Span, startMs: number, endMs: number): number {
    for (const [lane, open] of this.#open.entries()) {
      this.#open[lane] = open.filter((placed) => placed.endMs > startMs);
    }
    const own = span.within === undefined ? undefined : this.#laneOf.get(span.within);
    const isBelow = (lane: number): boolean => {
      const last = this.#open[lane]?.at(-1);
      return last?.span === span.within && last !== undefined && last.endMs >= endMs;
    };
    const free = this.#open.findIndex((open) => open.length === 0);
    const lane = own !== undefined && isBelow(own) ? own : free >= 0 ? free : this.#open.length;
    this.#open[lane] = [...(this.#open[lane] ?? []), { span, endMs }];
    this.#laneOf.set(span, lane);
    return lane;
  }
}
