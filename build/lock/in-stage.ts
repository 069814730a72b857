import type { Workshop } from '../tools/workshop.ts';

/** What people see of locking, in order; stages outside a build name themselves. */
export const lockStages = {
  images: 'fetch and check OCI images',
  indexes: 'fetch and verify package lists',
  solve: 'solve',
  packages: 'fetch and open packages',
  select: 'choose packages that give files',
} as const;

/** Tells of the start and the end of a stage of locking. */
export async function inStage<Result>(
  { emit, host }: Pick<Workshop, 'emit' | 'host'>,
  stage: keyof typeof lockStages,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedMs = host.now();
  emit({ type: 'stage-started', stage: lockStages[stage] });
  const result = await work();
  const seconds = (host.now() - startedMs) / 1000;
  emit({ type: 'stage-finished', stage: lockStages[stage], isCached: false, seconds });
  return result;
}
