import type { DiskPlan } from './plan-disk.ts';

const sectorBytes = 512;

/** What sfdisk(8) reads on its standard input; with `label-id` and `uuid` given it has nothing left to make up. */
export function partitionScript(plan: DiskPlan): string {
  const partitions = plan.partitions.map((partition) =>
    [
      `start=${partition.offsetBytes / sectorBytes}`,
      `size=${partition.sizeBytes / sectorBytes}`,
      `type=${partition.typeGuid}`,
      `uuid=${partition.guid}`,
      `name="${partition.label}"`,
    ].join(', '),
  );
  return [
    'label: gpt',
    `label-id: ${plan.diskGuid}`,
    'unit: sectors',
    'first-lba: 34',
    `sector-size: ${sectorBytes}`,
    '',
    ...partitions,
    '',
  ].join('\n');
}
