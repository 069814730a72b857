import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnifiedKernelImage } from '../boot/unified-kernel-image.ts';
import type { OutputArtefact } from '../contract/output-artefact.ts';
import type { DiskImage, SlotImage } from '../disk/disk-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { ComposedRootfs } from '../rootfs/composed-rootfs.ts';
import type { SealedRootfs } from '../seal/sealed-rootfs.ts';
import type { Workshop } from '../tools/workshop.ts';
import { outputFormats } from './output-format.ts';
import { type PlacedFile, placeFiles } from './place-files.ts';
import { writeSoftwareBill } from './software-bill.ts';

export interface BuiltParts {
  readonly composed: Pick<ComposedRootfs, 'packages' | 'bundles'>;
  readonly sealed: SealedRootfs;
  readonly uki: UnifiedKernelImage;
  readonly slot: SlotImage;
  readonly disk: DiskImage;
}

/**
 * Writes `<recipe>-<version>-<architecture>.{root,efi,…}` to a folder, one disk for each output format of the recipe, and
 * the software bill of materials. Files that are there already are not touched.
 */
export async function writeOutputs(
  workshop: Workshop,
  recipe: Recipe,
  parts: BuiltParts,
  outputFolder: string,
): Promise<readonly OutputArtefact[]> {
  const prefix = `${recipe.name}-${recipe.version}-${recipe.architecture}`;
  const outputs: (PlacedFile & Pick<OutputArtefact, 'part' | 'format'>)[] = [
    { part: 'root', format: 'erofs-verity', name: `${prefix}.root`, ...fileOf(parts.sealed) },
    { part: 'uki', format: 'efi', name: `${prefix}.efi`, ...fileOf(parts.uki) },
  ];
  for (const format of recipe.outputs) {
    const spec = outputFormats[format];
    const file = await spec.convert(workshop, recipe, parts.disk);
    outputs.push({ part: 'disk', format, name: `${prefix}.${spec.extension}`, ...fileOf(file) });
  }
  const bill = await makeSoftwareBill(workshop, recipe, parts);
  outputs.push({ part: 'sbom', format: 'cyclonedx-json', name: `${prefix}.sbom.json`, ...bill });

  await placeFiles(outputFolder, outputs, `.${prefix}.stamps.json`, workshop.host.signal);
  return outputs.map(({ part, format, name, sizeBytes, sha256 }) => ({
    part,
    format,
    path: join(outputFolder, name),
    sizeBytes,
    sha256,
  }));
}

async function makeSoftwareBill(workshop: Workshop, recipe: Recipe, parts: BuiltParts) {
  const packages = [...parts.composed.packages, ...parts.uki.packages];
  const images = parts.composed.bundles.flatMap(({ image, builtInImages }) => [
    ...(image === undefined ? [] : [image.locked]),
    ...builtInImages,
  ]);
  const byDigest = new Map(images.map((image) => [`${image.image} ${image.digest}`, image]));
  const text = writeSoftwareBill(recipe, parts.sealed.rootHash, packages, [...byDigest.values()]);
  const { sha256, sizeBytes } = bytesOf(text);
  const step = await workshop.store.step(
    { title: 'write software bill of materials', moduleUrl: import.meta.url, inputs: { sha256 } },
    (folder) => writeFile(join(folder, 'sbom.json'), text),
  );
  return { path: join(step.folder, 'sbom.json'), sha256, sizeBytes };
}

function fileOf({ path, sizeBytes, sha256 }: { path: string; sizeBytes: number; sha256: string }) {
  return { path, sizeBytes, sha256 };
}
