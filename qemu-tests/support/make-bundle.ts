import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { runKeelson, type SigningKeys } from './test-workshop.ts';

/** An update bundle by the real command, signed with the tests' keys unless said otherwise. Its path: `folder/name`. */
export async function makeBundle(
  recipe: string,
  version: string,
  folder: string,
  name: string,
  keys?: SigningKeys,
): Promise<string> {
  const out = join(folder, `${name}.made`);
  const words = ['bundle', recipe, '--version', version, '--out', out, ...(keys?.options ?? [])];
  const made = await runKeelson(words, keys?.environment);
  await rename(String(made.path), join(folder, name));
  return join(folder, name);
}
