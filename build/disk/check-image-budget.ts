import { formatBytes } from '../errors/format-quantity.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';

export interface ImageSizes {
  readonly ukiBytes: number;
  /** With its hash tree. */
  readonly rootBytes: number;
  /** Of the root, before compression. */
  readonly parts: readonly { readonly part: string; readonly sizeBytes: number }[];
}

const shownParts = 4;

/** IMAGE_BUDGET_EXCEEDED when kernel image and root are larger together than the recipe lets them be. */
export function checkImageBudget(recipe: Recipe, { ukiBytes, rootBytes, parts }: ImageSizes): void {
  const budget = recipe.disk.imageBudget;
  const sizeBytes = ukiBytes + rootBytes;
  if (budget === undefined || sizeBytes <= budget.sizeBytes) return;
  const largest = [...parts].sort((one, other) => other.sizeBytes - one.sizeBytes).slice(0, shownParts);
  const shown = largest.map(({ part, sizeBytes: bytes }) => `${part} ${formatBytes(bytes)}`).join(', ');
  throw new KeelsonError({
    code: 'IMAGE_BUDGET_EXCEEDED',
    class: 'input',
    message: `Cannot keep ${recipe.name} within its budget of ${formatBytes(budget.sizeBytes)}: it takes ${formatBytes(sizeBytes)} (kernel image ${formatBytes(ukiBytes)}, root ${formatBytes(rootBytes)})`,
    place: budget.place,
    hint: `Take something out, or raise disk.imageBudget. The largest parts of the root, before compression: ${shown}. \`keelson show ${recipe.argument} --size\` says where each megabyte is.`,
  });
}
