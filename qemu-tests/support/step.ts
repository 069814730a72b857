import { test } from '@jest/globals';
import { collectEvidence } from './evidence.ts';

/** Long enough for a boot on a busy computer, short enough to notice. */
const stepDeadlineMs = 240_000;

let count = 0;
let failedStep: number | undefined;

/**
 * One numbered sentence of a promise, told as it comes true (TAP: `ok 3 - …`). Steps build on each other: after one
 * that failed the rest of the file is not tried.
 */
export function step(sentence: string, action: () => Promise<void>): void {
  const number = ++count;
  test(
    `${number}. ${sentence}`,
    async () => {
      if (failedStep !== undefined) throw new Error(`not tried: step ${failedStep} failed`);
      const startedAt = Date.now();
      try {
        await action();
      } catch (error) {
        failedStep = number;
        tell(`not ok ${number} - ${sentence}`);
        (error as Error).message += await collectEvidence();
        throw error;
      }
      tell(`ok ${number} - ${sentence} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
    },
    stepDeadlineMs,
  );
}

/** A figure or a remark between the steps. */
export function remark(text: string): void {
  tell(`# ${text}`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
