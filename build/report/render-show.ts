import type { PartitionExtent } from '../disk/disk-image.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import { renderTable } from './render-table.ts';
import type { Shown, ShownDisk, ShownRecipe, ShownService, ShownSlot } from './shown.ts';

/** Text for a person; ends without a newline. */
export function renderShow(shown: Shown): string {
  return (shown.subject === 'recipe' ? renderRecipe(shown) : renderDisk(shown)).join('\n');
}

function renderRecipe(shown: ShownRecipe): string[] {
  return [
    `${shown.name} ${shown.version} for ${shown.architecture}: ${shown.description}`,
    '',
    ...renderTable([
      ['root hash', shown.rootHash],
      ['kernel', shown.kernelRelease],
      ['command line', shown.commandLine],
    ]),
    '',
    'Images (compressed)',
    ...renderTable(
      shown.images.map(({ part, sizeBytes }) => [part, formatBytes(sizeBytes)]),
      { right: [1] },
    ),
    '',
    'In the root, before compression (files of several parts count to the first)',
    ...renderTable(
      shown.parts.map(({ part, sizeBytes, fileCount }) => [
        part,
        formatBytes(sizeBytes),
        `${fileCount} files`,
      ]),
      { right: [1, 2] },
    ),
    '',
    'Services and what they may do beyond the default confinement',
    ...shown.services.flatMap(renderService),
    '',
    ...renderPartitions(shown.partitions),
    '',
    `Packages (${shown.packages.length})`,
    ...renderTable(shown.packages.map(({ name, version, suite }) => [name, version, suite])),
  ];
}

function renderService(service: ShownService): string[] {
  const limits = `${formatBytes(service.memoryBytes)}, ${service.pids} processes`;
  const facts = [
    `as ${service.user}, ${service.kind}, at most ${limits}`,
    ...(service.ports.length > 0 ? [`listens on ${service.ports.join(', ')}`] : []),
    ...(service.writable.length > 0 ? [`keeps ${service.writable.join(', ')}`] : []),
    ...(service.needs.length > 0 ? [`needs ${service.needs.join(', ')}`] : []),
    ...renderPrivileges(service.privileges),
  ];
  return [`  ${service.name}: ${service.description}`, ...facts.map((fact) => `      ${fact}`)];
}

/** Capabilities on a few lines, as there can be forty; the rest one a line. */
function renderPrivileges(privileges: readonly string[]): string[] {
  const capabilities = privileges.filter((privilege) => privilege.startsWith('CAP_'));
  const others = privileges.filter((privilege) => !privilege.startsWith('CAP_'));
  const lines: string[] = [];
  for (const capability of capabilities) {
    const last = lines.at(-1);
    if (last === undefined || last.length + capability.length > 100) lines.push(`+ ${capability}`);
    else lines[lines.length - 1] = `${last}, ${capability}`;
  }
  return [...lines, ...others.map((privilege) => `+ ${privilege}`)];
}

function renderDisk(shown: ShownDisk): string[] {
  return [
    `${shown.path}: ${formatBytes(shown.sizeBytes)}, disk ${shown.diskGuid}`,
    '',
    ...renderPartitions(shown.partitions),
    '',
    'Slots',
    ...shown.slots.flatMap(renderSlot),
    '',
    'EFI system partition',
    ...renderTable(
      shown.bootFiles.map(({ path, sizeBytes }) => [path, formatBytes(sizeBytes)]),
      { right: [1] },
    ),
  ];
}

function renderSlot(slot: ShownSlot): string[] {
  if (slot.state === 'empty') return [`  ${slot.slot}: empty`];
  if (slot.state === 'damaged') return [`  ${slot.slot}: damaged: ${slot.reason}`];
  const { recipe, version, rootHash, root, uki } = slot.trailer;
  return [
    `  ${slot.slot}: ${recipe} ${version}`,
    ...renderTable(
      [
        ['root hash', rootHash],
        ['root with hash tree', formatBytes(root.sizeBytes)],
        [
          'unified kernel image',
          `${formatBytes(uki.sizeBytes)}, ${slot.isKernelIntact ? 'intact' : 'DAMAGED'}`,
        ],
      ],
      { indent: '     ' },
    ),
  ];
}

function renderPartitions(partitions: readonly PartitionExtent[]): string[] {
  return [
    'Partitions',
    ...renderTable(
      partitions.map(({ label, offsetBytes, sizeBytes, typeGuid }) => [
        label,
        formatBytes(sizeBytes),
        `at ${formatBytes(offsetBytes)}`,
        `type ${typeGuid}`,
      ]),
      { right: [1, 2] },
    ),
  ];
}
