export interface Wait {
  /** What is waited for, as it reads after "waited in vain for". */
  readonly what: string;
  readonly deadlineMs: number;
}

/** `KEELSON_PATIENCE=3`: a computer that is busy with other things too has three times as long. */
export const patience = Math.max(1, Number(process.env.KEELSON_PATIENCE ?? 1) || 1);

/** What is waited for can no longer come: waiting ends at once. */
export class InVain extends Error {
  override readonly name = 'InVain';
}

let interruption: Error | undefined;

/** Everything that waits ends with this, at its next look. */
export function interruptWaits(reason: Error): void {
  interruption = reason;
}

/**
 * The least time between two looks. One that takes long is followed by a pause twice as long: under TCG a login over SSH costs
 * seconds of the processor that works on what is waited for.
 */
const intervalMs = 200;
const longestPauseMs = 5000;

/**
 * Looks again and again until `look` returns something other than `undefined` or `false`. The error says what was
 * waited for and what the last look found, be it a value that was not enough or an error.
 */
export async function waitFor<Value>(
  look: () => Promise<Value | undefined | false>,
  wait: Wait,
  observation: () => string = () => 'nothing',
): Promise<Value> {
  const deadlineMs = wait.deadlineMs * patience;
  const endAt = Date.now() + deadlineMs;
  let last = '';
  for (;;) {
    const lookedAt = Date.now();
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value;
      last = observation();
    } catch (error) {
      last = (error as Error).message;
      if (error instanceof InVain) throw new Error(`waited in vain for ${wait.what}: ${last}`);
    }
    if (interruption !== undefined) throw interruption;
    if (Date.now() > endAt) {
      throw new Error(
        `waited ${Math.round(deadlineMs / 1000)} s in vain for ${wait.what}; last seen: ${last}`,
      );
    }
    const pauseMs = Math.max(intervalMs, 2 * (Date.now() - lookedAt));
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, longestPauseMs)));
  }
}

/** What has not come by then is given up, though it goes on: the error says `complaint`, and for how long. */
export async function within<Value>(ms: number, promised: Promise<Value>, complaint: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint} within ${Math.round(ms / 1000)} s`)), ms);
  });
  try {
    return await Promise.race([promised, late]);
  } finally {
    clearTimeout(timer);
  }
}
