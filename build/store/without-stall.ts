import type { BuildHost } from '../host/build-host.ts';

export class StalledError extends Error {}

/**
 * Runs `action` with a signal that aborts at its end, or when `alive` has not been called for `stallMs` (twice that at most); it then
 * fails with StalledError.
 */
export async function withoutStall<T>(
  host: Pick<BuildHost, 'wait'>,
  stallMs: number,
  action: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController();
  const done = new AbortController();
  let beats = 0;
  const watch = async (): Promise<void> => {
    for (let seen = -1; seen !== beats; await host.wait(stallMs, done.signal)) seen = beats;
    stalled.abort();
  };
  // The wait is cut short at the end of the action, or with the host's own signal.
  watch().catch(() => undefined);
  try {
    return await action(stalled.signal, () => {
      beats += 1;
    });
  } catch (error) {
    throw stalled.signal.aborted ? new StalledError() : error;
  } finally {
    done.abort();
    // What is still open, such as a reply nobody wanted to read, is closed.
    stalled.abort();
  }
}
