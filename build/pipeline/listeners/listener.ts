import type { EventSink } from '../../events/build-event.ts';

/** Someone who shows what the engine tells. */
export interface Listener {
  readonly emit: EventSink;
  /** Leaves the terminal in order; `hasFailed` marks what was under way as failed. */
  close(hasFailed: boolean): Promise<void>;
}
