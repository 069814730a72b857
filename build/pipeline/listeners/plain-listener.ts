import { formatBytes } from '../../errors/format-quantity.ts';
import type { BuildEvent, EventSink } from '../../events/build-event.ts';
import { stageTitle } from '../stages.ts';

/** How much of a download passes between two lines of the plain log. */
const progressStep = 0.25;

/** A line for each thing that happened; for logs and wherever there is no terminal. */
export function plainListener(writeLine: (line: string) => void): EventSink {
  const shownShare = new Map<string, number>();
  return (event) => {
    switch (event.type) {
      case 'stage-started':
        writeLine(`${stageTitle(event.stage)} …`);
        return;
      case 'stage-finished':
        shownShare.delete(event.stage);
        writeLine(
          `${stageTitle(event.stage)}: ${event.isCached ? 'cached' : 'done'} (${event.seconds.toFixed(1)} s)`,
        );
        return;
      case 'step-finished':
        if (!event.isCached) writeLine(`  ${event.title} (${event.seconds.toFixed(1)} s)`);
        return;
      case 'progress': {
        const share = event.totalBytes === 0 ? 1 : event.doneBytes / event.totalBytes;
        const shown = shownShare.get(event.stage) ?? -progressStep;
        if (share < shown + progressStep && !(share === 1 && shown < 1)) return;
        shownShare.set(event.stage, share);
        writeLine(`  ${event.what}: ${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)}`);
        return;
      }
      case 'test-step':
        writeLine(describeTestStep(event));
        return;
      case 'note':
        writeLine(event.message);
        return;
      case 'warning':
        writeLine(`warning: ${event.message}`);
        if (event.hint !== undefined) writeLine(`  hint: ${event.hint}`);
        return;
      case 'span-started':
      case 'span-finished':
      case 'fault':
      case 'build-finished':
        return;
    }
  };
}

/** As TAP has it: `ok 3 - it starts after a power cut (14.2 s)`. */
export function describeTestStep(event: Extract<BuildEvent, { type: 'test-step' }>): string {
  const { number, sentence, isTrue, seconds } = event;
  return `${isTrue ? 'ok' : 'not ok'} ${number} - ${sentence}${isTrue ? ` (${seconds.toFixed(1)} s)` : ''}`;
}
