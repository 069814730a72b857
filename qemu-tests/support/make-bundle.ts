import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { keelson, testKeysEnvironment } from './test-workshop.ts';

/** An update bundle by the real command, signed with the tests' keys, as `folder/name`. */
export async function makeBundle(
  recipe: string,
  version: string,
  folder: string,
  name: string,
): Promise<void> {
  const out = join(folder, `${name}.made`);
  const made = await keelson(['bundle', recipe, '--version', version, '--out', out, '--json'], {
    environment: testKeysEnvironment,
  });
  if (made.exitCode !== 0) throw new Error(made.stderr || made.stdout);
  await rename(JSON.parse(made.stdout.trim().split('\n').at(-1) ?? '').path, join(folder, name));
}
