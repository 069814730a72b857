import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Architecture, architectures } from '../recipe/recipe.ts';
import type { RequiredSymbol } from './check-configuration.ts';

const requiredPath = fileURLToPath(new URL('../../kernel-config/required.json', import.meta.url));

const requiredSchema = z.record(
  z.string().regex(/^[A-Z0-9_]+$/),
  z.strictObject({
    /** `y` when left out. */
    value: z.string().default('y'),
    reason: z.string().min(1),
    architectures: z.array(z.enum(architectures)).default([...architectures]),
  }),
);

/** What the system does not do without, from kernel-config/required.json. */
export async function readRequiredSymbols(architecture: Architecture): Promise<readonly RequiredSymbol[]> {
  const parsed = requiredSchema.parse(JSON.parse(await readFile(requiredPath, 'utf8')));
  return Object.entries(parsed)
    .filter(([, each]) => each.architectures.includes(architecture))
    .map(([symbol, { value, reason }]) => ({ symbol, value, reason }));
}
