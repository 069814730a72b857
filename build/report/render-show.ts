import type { PartitionExtent } from '../disk/disk-image.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import type { Privilege } from '../services/privileges.ts';
import { renderTable } from './render-table.ts';
import type { Shown, ShownBundle, ShownDisk, ShownRecipe, ShownService, ShownSlot } from './shown.ts';

/** Text for a person; ends without a newline. */
export function renderShow(shown: Shown): string {
  switch (shown.subject) {
    case 'recipe':
      return renderRecipe(shown).join('\n');
    case 'disk':
      return renderDisk(shown).join('\n');
    case 'bundle':
      return renderBundle(shown).join('\n');
  }
}

function renderBundle(shown: ShownBundle): string[] {
  return [
    `${shown.path}: ${formatBytes(shown.sizeBytes)}, update bundle for ${shown.compatible}`,
    '',
    ...renderTable([
      ['version', shown.version],
      ['sequence', String(shown.sequence)],
      ['channel', shown.channel],
      ['image', `${formatBytes(shown.image.sizeBytes)}, sha256 ${shown.image.sha256}`],
      ['manifest', `sha256 ${shown.manifestSha256}`],
      ['root hash', `${shown.verityRootHash} (of the squashfs)`],
    ]),
    '',
    'Parts',
    ...renderTable(
      shown.parts.map(({ part, sizeBytes }) => [part, formatBytes(sizeBytes)]),
      { right: [1] },
    ),
    '',
    'Signed by (keelson verify says whether a keyring trusts it)',
    ...shown.signers.flatMap(({ subject, issuer, validFrom, validUntil, isValidNow, sha256 }) => [
      `  ${subject}`,
      `      issued by ${issuer}`,
      `      valid from ${validFrom.slice(0, 10)} to ${validUntil.slice(0, 10)}${isValidNow ? '' : ', NOT VALID NOW'}`,
      `      sha256 ${sha256}`,
    ]),
  ];
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
    'Services',
    ...shown.services.flatMap(renderService),
    '',
    'Privileges of services, and their exposure: 0 is as confined as can be, 100 an administrator of the machine',
    ...renderPrivileges(shown.services),
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
    ...(service.image === undefined ? [] : [`from ${service.image}`]),
    ...service.imageFacts,
    ...(service.starts ?? []).map((started) => `starts ${started}`),
    ...(service.ports.length > 0 ? [`listens on ${service.ports.join(', ')}`] : []),
    ...(service.writable.length > 0 ? [`keeps ${service.writable.join(', ')}`] : []),
    ...(service.needs.length > 0 ? [`needs ${service.needs.join(', ')}`] : []),
  ];
  return [`  ${service.name}: ${service.description}`, ...facts.map((fact) => `      ${fact}`)];
}

/** A line for each service, and more where a cell has several things to say. */
function renderPrivileges(services: readonly ShownService[]): string[] {
  const head = [
    'SERVICE',
    'EXPOSURE',
    'USER',
    'CAPABILITIES',
    'SECCOMP',
    'APPARMOR',
    'SHARES',
    'DEVICES',
    'WRITES',
    'READS',
    'OTHER',
  ];
  const rows = services.flatMap((service) => {
    const named = (kind: Privilege['kind']) =>
      service.privileges.filter((privilege) => privilege.kind === kind).map(({ name }) => name);
    const columns: readonly (readonly string[])[] = [
      [service.name],
      [String(service.exposure)],
      [`${service.user}${service.hasOwnUsers ? ', own users' : ''}`],
      named('capability').map((name) => name.replace(/^CAP_/, '').toLowerCase()),
      [named('filter')[0]?.replace(' seccomp filter', '').replace('seccomp filter ', '') ?? 'default'],
      [named('policy')[0]?.replace(' AppArmor policy', '').replace('AppArmor rules ', '') ?? 'default'],
      named('namespace').map((name) => name.replace(/^machine's (.*) namespace$/, '$1')),
      named('device'),
      named('write').map((name) => name.replace(/^writes /, '')),
      named('read').map((name) => name.replace(/^reads /, '')),
      named('other'),
    ];
    const height = Math.max(...columns.map((cells) => cells.length));
    return Array.from({ length: height }, (_, line) =>
      columns.map((cells) => cells[line] ?? (line === 0 ? '-' : '')),
    );
  });
  return renderTable([head, ...rows], { right: [1] });
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
