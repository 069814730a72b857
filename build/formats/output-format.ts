import type { DiskImage } from '../disk/disk-image.ts';
import type { OutputFormatName, Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import { convertToQcow2 } from './qcow2.ts';

/** A file that is ready to be copied out; its digest is known. */
export interface FinishedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface FormatSpec {
  /** Last part of the file's name. */
  readonly extension: string;
  readonly description: string;
  /** Makes the format of the raw disk. */
  readonly convert: (workshop: Workshop, recipe: Recipe, disk: DiskImage) => Promise<FinishedFile>;
}

/** To add a format is to add a row here and its name to the recipe's. */
export const outputFormats = {
  raw: {
    extension: 'raw',
    description: 'sparse raw disk, for dd and most clouds',
    convert: async (_workshop, _recipe, disk) => disk,
  },
  qcow2: {
    extension: 'qcow2',
    description: 'compressed disk of QEMU, libvirt, OpenStack, Proxmox',
    convert: convertToQcow2,
  },
} as const satisfies Record<OutputFormatName, FormatSpec>;
