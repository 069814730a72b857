import type { EventSink } from '../events/build-event.ts';
import type { Workshop } from '../tools/workshop.ts';

/** The stages of a build in their order, with the words shown to people. */
export const buildStages = {
  packages: 'Fetch and open packages',
  kernel: 'Prepare kernel and modules',
  services: 'Compile services',
  compose: 'Compose root file system',
  seal: 'Seal root file system',
  uki: 'Make unified kernel image',
  disk: 'Make disk image',
  outputs: 'Write outputs',
} as const;

export type BuildStage = keyof typeof buildStages;

/** What people read for a stage; stages outside a build (`lock`, `tools`) name themselves. */
export function stageTitle(stage: string): string {
  return stage in buildStages ? buildStages[stage as BuildStage] : stage;
}

/** Counts the steps that pass through a sink: how many were in the store already, how many had to run. */
export interface StepCounter {
  readonly emit: EventSink;
  counts(): { readonly cached: number; readonly ran: number };
}

export function countSteps(sink: EventSink): StepCounter {
  let cached = 0;
  let ran = 0;
  return {
    emit: (event) => {
      if (event.type === 'step-finished') event.isCached ? cached++ : ran++;
      sink(event);
    },
    counts: () => ({ cached, ran }),
  };
}

/** Runs one stage and tells its start, its end and whether everything in it came from the store. */
export async function runStage<Result>(
  workshop: Workshop,
  steps: StepCounter,
  stage: BuildStage,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAt = workshop.host.now();
  const before = steps.counts();
  workshop.emit({ type: 'stage-started', stage });
  const result = await work();
  const seconds = (workshop.host.now() - startedAt) / 1000;
  const { ran, cached } = steps.counts();
  const isCached = ran === before.ran && cached > before.cached;
  workshop.emit({ type: 'stage-finished', stage, isCached, seconds });
  return result;
}
