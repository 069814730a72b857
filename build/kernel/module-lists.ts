import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Architecture, architectures } from '../recipe/recipe.ts';

const entrySchema = z.strictObject({
  reason: z.string().min(1),
  architectures: z.array(z.enum(architectures)).optional(),
  modules: z.array(z.string().regex(/^[\w*-]+$/)).min(1),
  mayBeMissing: z.boolean().default(false),
  onDemand: z.boolean().default(false),
});

const listSchema = z.strictObject({ modules: z.array(entrySchema).min(1) });

/** One wanted module, or a pattern of names (`nft_*`). */
export interface WantedModule {
  readonly name: string;
  readonly reason: string;
  readonly mayBeMissing: boolean;
  /** Of the initramfs: inserted when /init asks for it by name. */
  readonly onDemand: boolean;
}

export type ModulePurpose = 'initramfs' | 'root';

/** The list of `kernel-config/modules/<purpose>.yaml` for one architecture, in its order. */
export async function readModuleList(
  purpose: ModulePurpose,
  architecture: Architecture,
): Promise<readonly WantedModule[]> {
  const file = fileURLToPath(new URL(`../../kernel-config/modules/${purpose}.yaml`, import.meta.url));
  return parseModuleList(await readFile(file, 'utf8'), architecture);
}

export function parseModuleList(text: string, architecture: Architecture): readonly WantedModule[] {
  const { modules } = listSchema.parse(parse(text));
  return modules
    .filter((entry) => entry.architectures?.includes(architecture) ?? true)
    .flatMap((entry) =>
      entry.modules.map((name) => ({
        name,
        reason: entry.reason,
        mayBeMissing: entry.mayBeMissing,
        onDemand: entry.onDemand,
      })),
    );
}
