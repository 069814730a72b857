import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryFolder } from './test-workshop.ts';

const run = promisify(execFile);

/** What `keelson build` may read of a checkout, beside node_modules. */
const checkoutParts = [
  'build',
  'kernel-config',
  'keelson',
  'package-lock.json',
  'package.json',
  'recipes',
  'rootfs',
  'system-services',
] as const;

export interface SecondCheckout {
  readonly folder: string;
  /** XDG cache folder whose store has the downloads of the first and no step's output. */
  readonly cacheFolder: string;
  remove(): Promise<void>;
}

/** Another copy of the repository in another folder, with a store of its own, beside the store at `storeRoot`. */
export async function makeSecondCheckout(storeRoot: string): Promise<SecondCheckout> {
  const place = await mkdtemp(join(dirname(storeRoot), 'keelson-second-'));
  const folder = join(place, 'a folder of another name');
  await mkdir(folder);
  for (const part of checkoutParts) {
    await cp(join(repositoryFolder, part), join(folder, part), { recursive: true, preserveTimestamps: true });
  }
  await symlink(join(repositoryFolder, 'node_modules'), join(folder, 'node_modules'));
  const cacheFolder = join(place, 'cache');
  await mkdir(join(cacheFolder, 'keelson'), { recursive: true });
  // Hard links: the same downloads without the space. A download is only ever replaced, never changed.
  await run('cp', ['-al', join(storeRoot, 'blobs'), join(cacheFolder, 'keelson', 'blobs')]);
  return {
    folder,
    cacheFolder,
    remove: async () => {
      // Step outputs are read-only.
      await run('chmod', ['-R', 'u+w', join(cacheFolder, 'keelson', 'steps')]).catch(() => undefined);
      await run('rm', ['-rf', place]);
    },
  };
}
