import { link, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMergedUsrLink, mergedUsrPath } from '../debian/merged-usr.ts';
import { type DebEntry, readDeb } from '../debian/read-deb.ts';
import { KeelsonError } from '../errors/keelson-error.ts';

/** Packages unpacked at once: one is decompressed while files of another are written. */
const parallelPackages = 2;

/**
 * Unpacks packages to a folder, as one tree with merged-/usr. Nothing is installed: no scripts run, nobody but the
 * caller owns the files, set-user-id bits are dropped, devices are left out. Existing entries are a fault, so that the
 * order in which packages come does not matter.
 */
export async function unpackPackages(
  debPaths: readonly string[],
  folder: string,
  isOmitted: (path: string) => boolean,
): Promise<void> {
  const tree = new FileTree(folder);
  const queue = [...debPaths];
  const worker = async (): Promise<void> => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const { entries } = await readDeb(path);
      for await (const entry of entries) {
        const target = mergedUsrPath(entry.path);
        if (!isMergedUsrLink(entry.path) && !isOmitted(target)) await tree.write(path, target, entry);
      }
    }
  };
  await Promise.all(Array.from({ length: parallelPackages }, worker));
}

/**
 * Writes below one folder that was empty at the start. It knows what it made, and goes only through folders that it
 * made itself: a link in one package leads no file of another out of the tree.
 */
class FileTree {
  readonly #root: string;
  /** The promise is done when the folder is there. */
  readonly #folders = new Map<string, Promise<void>>();
  readonly #others = new Set<string>();

  constructor(root: string) {
    this.#root = root;
    this.#folders.set('/', Promise.resolve());
  }

  async write(debPath: string, path: string, entry: DebEntry): Promise<void> {
    if (entry.type === 'folder') return await this.#folder(debPath, path);
    if (!['file', 'link', 'hard-link'].includes(entry.type)) return;
    await this.#folder(debPath, dirname(path));
    if (this.#others.has(path) || this.#folders.has(path)) throw clash(debPath, path);
    this.#others.add(path);
    const place = join(this.#root, path);
    if (entry.type === 'link') await symlink(entry.target, place);
    else if (entry.type === 'hard-link') await link(this.#made(debPath, mergedUsrPath(entry.target)), place);
    else await writeFileEntry(place, entry);
  }

  #made(debPath: string, path: string): string {
    if (!this.#others.has(path)) throw clash(debPath, path, 'is linked to and not there');
    return join(this.#root, path);
  }

  #folder(debPath: string, path: string): Promise<void> {
    let made = this.#folders.get(path);
    if (made === undefined) {
      if (this.#others.has(path)) throw clash(debPath, path);
      made = this.#folder(debPath, dirname(path)).then(async () => {
        await mkdir(join(this.#root, path));
      });
      this.#folders.set(path, made);
    }
    return made;
  }
}

async function writeFileEntry(place: string, entry: DebEntry): Promise<void> {
  const isExecutable = (entry.mode & 0o111) !== 0;
  const file = await open(place, 'wx', isExecutable ? 0o555 : 0o444);
  try {
    for await (const chunk of entry.content) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

function clash(debPath: string, path: string, what = 'is already there, as something else'): KeelsonError {
  return new KeelsonError({
    code: 'TOOLS_CLASH',
    class: 'internal',
    message: `Cannot unpack ${debPath}: ${path} ${what}`,
    hint: 'Leave one of the packages out in build/tools/toolsets.yaml, and lock the tools again.',
  });
}
