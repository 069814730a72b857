import { afterAll, describe, test } from '@jest/globals';
import { cleanUp, collectEvidence } from './afterwards.ts';
import { patience, within } from './wait-for.ts';

/** Long enough for a boot on a busy computer, short enough to notice. */
const stepDeadlineMs = 240_000;

/** To ask the machine for its logs after a failure. */
const evidenceDeadlineMs = 60_000;

interface Promised {
  failedStep: number | undefined;
}

let count = 0;
let current: Promised = { failedStep: undefined };

/** What Keelson promises, and the steps that prove it. */
export function promise(sentence: string, define: () => void): void {
  describe(sentence, () => {
    current = { failedStep: undefined };
    define();
    afterAll(cleanUp, stepDeadlineMs * patience);
  });
}

/**
 * One numbered sentence, told as it comes true (TAP: `ok 3 - …`). Steps build on each other: after one that failed the
 * rest of its promise is not tried.
 */
export function step(
  sentence: string,
  action: () => Promise<void>,
  { deadlineMs = stepDeadlineMs }: { readonly deadlineMs?: number } = {},
): void {
  const number = ++count;
  const promised = current;
  test(
    `${number}. ${sentence}`,
    async () => {
      if (promised.failedStep !== undefined) {
        throw notTried(promised.failedStep);
      }
      const startedAt = Date.now();
      try {
        // Jest alone would begin the next step and let this one go on beside it.
        await within(deadlineMs * patience, action(), 'the step did not end');
      } catch (error) {
        promised.failedStep = number;
        tell(`not ok ${number} - ${sentence}`);
        (error as Error).message += await collectEvidence();
        throw error;
      }
      tell(`ok ${number} - ${sentence} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
    },
    deadlineMs * patience + evidenceDeadlineMs,
  );
}

/** One line: where it was thrown tells nothing. */
function notTried(failedStep: number): Error {
  const error = new Error(`not tried: step ${failedStep} failed`);
  error.stack = error.message;
  return error;
}

/** A figure or a remark between the steps. */
export function remark(text: string): void {
  tell(`# ${text}`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
