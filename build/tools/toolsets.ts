import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { toolsetNames } from './tools-tree.ts';

const request = z.strictObject({ package: z.string(), reason: z.string() });

const toolset = z.strictObject({
  /** Only files are read: dependencies are left out, and so is what a tool needs to run. */
  isFilesOnly: z.boolean().default(false),
  requests: z.array(request).min(1),
});

const toolsets = z.strictObject({
  suites: z.array(z.string()).min(1),
  isolation: z.array(request).min(1),
  toolsets: z.record(z.enum(toolsetNames), toolset),
  omitted: z.array(request),
  omittedPaths: z.array(z.strictObject({ path: z.string().startsWith('/'), reason: z.string() })),
});

/** `toolsets.yaml`: what the toolsets are asked to hold, each with its reason. */
export type Toolsets = z.infer<typeof toolsets>;

export async function readToolsets(): Promise<Toolsets> {
  const path = fileURLToPath(new URL('toolsets.yaml', import.meta.url));
  return toolsets.parse(parse(await readFile(path, 'utf8')));
}
