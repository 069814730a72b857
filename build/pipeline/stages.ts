import type { EventSink } from '../events/build-event.ts';
import { withSpan } from '../events/span.ts';
import type { Workshop } from '../tools/workshop.ts';

/** Stages of builds, with the words shown to people. */
const stageTitles = {
  packages: 'Fetch and open packages',
  kernel: 'Prepare kernel and modules',
  services: 'Compile services',
  compose: 'Compose root file system',
  seal: 'Seal root file system',
  uki: 'Make unified kernel image',
  slot: 'Make slot image',
  disk: 'Make disk image',
  outputs: 'Write outputs',
  bundle: 'Make update bundle',
} as const;

export type BuildStage = keyof typeof stageTitles;

const slotStages = ['packages', 'kernel', 'services', 'compose', 'seal', 'uki', 'slot'] as const;

/** The stages of a build in their order, and those of an update bundle. */
export const buildStages: readonly BuildStage[] = [...slotStages, 'disk', 'outputs'];
export const bundleStages: readonly BuildStage[] = [...slotStages, 'bundle'];

/** What people read for a stage; stages outside a build (`lock`, `tools`) name themselves. */
export function stageTitle(stage: string): string {
  return stage in stageTitles ? stageTitles[stage as BuildStage] : stage;
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
  const result = await withSpan(workshop.emit, { kind: 'stage', title: stageTitle(stage) }, work);
  const seconds = (workshop.host.now() - startedAt) / 1000;
  const { ran, cached } = steps.counts();
  const isCached = ran === before.ran && cached > before.cached;
  workshop.emit({ type: 'stage-finished', stage, isCached, seconds });
  return result;
}
