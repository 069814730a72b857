import { defaultReserveBytes } from '../contract/engine-file.ts';
import { partitionLabels, partitionTypes } from '../contract/machine-layout.ts';
import { slotTailBytes } from '../contract/slot-layout.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { deriveGuid } from './derive-guid.ts';
import type { PartitionExtent } from './disk-image.ts';

const mebibyte = 1024 ** 2;

/** Partitions begin at whole MiB; the first MiB and the last hold the two copies of the partition table. */
const tableBytes = mebibyte;

export interface DiskPlan {
  readonly sizeBytes: number;
  readonly diskGuid: string;
  readonly partitions: readonly PartitionExtent[];
}

export interface DiskContent {
  readonly slotImageBytes: number;
  /** Names this content: GUIDs are derived from it. */
  readonly contentId: string;
  /** Files of a fresh ESP, the unified kernel image among them. */
  readonly espFileBytes: number;
  readonly ukiBytes: number;
}

/** Where everything goes, and the reserve behind it; SLOT_TOO_SMALL and ESP_TOO_SMALL when it does not fit. */
export function planDisk(recipe: Recipe, content: DiskContent): DiskPlan {
  const slotBytes = slotSize(recipe, content.slotImageBytes);
  checkEsp(recipe, content);
  const wanted = [
    { label: partitionLabels.esp, typeGuid: partitionTypes.esp, sizeBytes: recipe.disk.espSizeBytes },
    {
      label: partitionLabels.slotA,
      typeGuid: partitionTypes.root[recipe.architecture],
      sizeBytes: slotBytes,
    },
    {
      label: partitionLabels.slotB,
      typeGuid: partitionTypes.root[recipe.architecture],
      sizeBytes: slotBytes,
    },
    { label: partitionLabels.state, typeGuid: partitionTypes.state, sizeBytes: recipe.disk.stateSizeBytes },
  ];
  const guidOf = (part: string) => deriveGuid(recipe.name, recipe.version, content.contentId, part);
  let offsetBytes = tableBytes;
  const partitions = wanted.map((partition) => {
    const extent = { ...partition, guid: guidOf(partition.label), offsetBytes };
    offsetBytes += roundUp(partition.sizeBytes, mebibyte);
    return extent;
  });
  const reserveBytes = recipe.disk.reserveBytes ?? defaultReserveBytes(slotBytes);
  return {
    sizeBytes: offsetBytes + roundUp(reserveBytes, mebibyte) + tableBytes,
    diskGuid: guidOf('disk'),
    partitions,
  };
}

/** Without a wish, head-room for updates, which grow: a slot that must move later takes the reserve with it. */
function slotSize(recipe: Recipe, imageBytes: number): number {
  const { slotSizeBytes, headRoom } = recipe.disk;
  const neededBytes = imageBytes + slotTailBytes;
  if (slotSizeBytes === undefined)
    return roundUp(Math.max(headRoom * imageBytes, neededBytes), 16 * mebibyte);
  if (slotSizeBytes >= neededBytes) return slotSizeBytes;
  throw new KeelsonError({
    code: 'SLOT_TOO_SMALL',
    class: 'input',
    message: `Cannot write the root to its slot: root and kernel of ${recipe.name} take ${formatBytes(imageBytes)}, the slot has ${formatBytes(slotSizeBytes)}`,
    place: recipe.disk.slotSizePlace ?? recipe.place,
    hint: `Set disk.slotSize to ${roundUp(neededBytes, mebibyte) / mebibyte}MiB or more (twice that leaves room for updates), or remove it.`,
  });
}

/** Beside the files of a fresh ESP, the other slot's kernel image and the one being written must find room. */
function checkEsp(recipe: Recipe, content: DiskContent): void {
  const needed = content.espFileBytes + 2 * content.ukiBytes + 2 * mebibyte;
  if (recipe.disk.espSizeBytes >= needed) return;
  throw new KeelsonError({
    code: 'ESP_TOO_SMALL',
    class: 'input',
    message: `Cannot fit the boot files on the EFI system partition: with room for an update they take ${formatBytes(needed)}, it has ${formatBytes(recipe.disk.espSizeBytes)}`,
    place: recipe.disk.espSizePlace ?? recipe.place,
    hint: `Set disk.espSize to ${roundUp(needed, mebibyte) / mebibyte}MiB or more.`,
  });
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
