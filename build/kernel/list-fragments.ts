import { readdir } from 'node:fs/promises';

/** Sorted names of all fragments below folders `kernel-config`; one that is missing has none. */
export async function listFragments(folders: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    folders.map((folder) =>
      readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      }),
    ),
  );
  const names = found.flat().flatMap((path) => /^(.+)\.config$/.exec(path)?.[1] ?? []);
  return [...new Set(names)].sort();
}
