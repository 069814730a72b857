import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventSink } from './build-event.ts';

/**
 * - `command`: all of it; `stage`, `step`: as a build has them; `work`: what is done outside of steps
 * - `tool`: a program that was started; `download`: one blob; `wait`: for another build, or another part of this one
 */
export type SpanKind = 'command' | 'stage' | 'step' | 'work' | 'tool' | 'download' | 'wait';

/** Something that takes time. It is told of by this very object, at its start and at its end. */
export interface Span {
  readonly kind: SpanKind;
  /** For people; never an argument of a program, an address with its credentials, or what a file holds. */
  readonly title: string;
  /** What it is a part of. */
  readonly within?: Span;
}

/** What is known at the end. The same holds for these as for the title. */
export type SpanFacts = Readonly<Record<string, string | number>>;

/** Follows the calls, not the clock: of two steps side by side, each has its own tools. */
const enclosing = new AsyncLocalStorage<Span>();

/** Tells of the start and the end of `work`, also when it fails. What `work` starts lies within it. */
export async function withSpan<Result>(
  emit: EventSink,
  { kind, title }: Pick<Span, 'kind' | 'title'>,
  work: () => Promise<Result>,
  describe: (result: Result) => SpanFacts = () => ({}),
): Promise<Result> {
  const within = enclosing.getStore();
  const span: Span = { kind, title, ...(within === undefined ? {} : { within }) };
  emit({ type: 'span-started', span });
  try {
    const result = await enclosing.run(span, work);
    emit({ type: 'span-finished', span, facts: describe(result) });
    return result;
  } catch (error) {
    // Its code only: a message may quote what a tool said.
    const { code } = (error ?? {}) as { code?: unknown };
    emit({ type: 'span-finished', span, facts: { error: typeof code === 'string' ? code : 'failed' } });
    throw error;
  }
}
