import { createCipheriv } from 'node:crypto';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryFolder } from './test-workshop.ts';

/** A release of `minimal` that is larger by that much, for nothing of it can be compressed. Gives the recipe's folder. */
export async function writeBallastRecipe(folder: string, mebibytes: number): Promise<string> {
  const ground = join(repositoryFolder, 'qemu-tests/recipes/brisk');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const recipe = [
    'name: minimal',
    'version: 2026.11.0',
    'description: A release of minimal that has grown',
    `extends: ${relative(folder, ground)}`,
    // brisk has slots for itself alone; what a machine's slots hold is the machine's own business.
    'disk: { slotSize: 256MiB }',
    'files: [{ path: /usr/share/ballast, source: ballast }]',
  ];
  await writeFile(join(folder, 'recipe.yaml'), `${recipe.join('\n')}\n`);
  await cp(join(ground, 'recipe.lock.json'), join(folder, 'recipe.lock.json'));
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
  await writeFile(join(folder, 'ballast'), stream.update(Buffer.alloc(mebibytes * 1024 ** 2)));
  return folder;
}
