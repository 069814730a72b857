import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enrolmentVariables } from './enrolment-variables.ts';
import type { Keys } from './open-keys.ts';
import { revocationLists, trustAnchors } from './trust.ts';

/**
 * Writes what is public of the keys, and gives the paths: `roots.pem` and `revoked.pem` for whoever checks update bundles,
 * `PK.auth`, `KEK.auth`, `db.auth` (and `dbx.auth`) for a firmware's own menu.
 */
export async function exportKeys(keys: Keys, folder: string): Promise<readonly string[]> {
  const files = new Map<string, string | Uint8Array>([
    ['roots.pem', trustAnchors(keys)],
    ['revoked.pem', revocationLists(keys)],
    ...[...enrolmentVariables(keys)].map(([name, content]) => [`${name}.auth`, content] as const),
  ]);
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writeFile(path, content);
    written.push(path);
  }
  return written;
}
