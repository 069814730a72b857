import { FaultsError, KeelsonError } from '../errors/keelson-error.ts';

/** Does the work for each group in turn, and throws the faults of all of them together. */
export async function eachGroup<Group>(
  groups: readonly Group[],
  work: (group: Group) => Promise<void>,
): Promise<void> {
  const faults: KeelsonError[] = [];
  for (const group of groups) {
    try {
      await work(group);
    } catch (error) {
      if (error instanceof FaultsError) faults.push(...error.faults);
      else if (error instanceof KeelsonError && error.class === 'input') faults.push(error);
      else throw error;
    }
  }
  const [first] = faults;
  if (first !== undefined) throw faults.length === 1 ? first : new FaultsError(faults);
}
