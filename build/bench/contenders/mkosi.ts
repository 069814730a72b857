import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeInstalled } from '../peers/remove-installed.ts';
import { writePeerFiles } from '../peers/write-files.ts';
import type { BuiltDisk, Contender, Job, Surroundings } from './contender.ts';

const configuration = fileURLToPath(new URL('../peers/mkosi', import.meta.url));

/** Of mkosi's `disk.manifest`, https://github.com/systemd/mkosi/blob/main/mkosi/manifest.py. */
interface Manifest {
  readonly packages: readonly { readonly type: string }[];
}

/** mkosi with the configuration in peers/mkosi, its cache of installed packages and a mirror in a local folder. */
export function makeMkosiContender(surroundings: Surroundings, job: Job): Contender {
  const name = job === 'engine' ? 'mkosi+docker' : 'mkosi';
  const folder = join(surroundings.folder, name);
  const files = join(folder, 'files');
  const made = ['cache', 'package-cache', 'workspace', 'output'].map((each) => join(folder, each));
  const [cache = '', packageCache = '', workspace = '', output = ''] = made;
  const changeOneFile = async (round: number): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writePeerFiles(files, surroundings.publicKey, round);
  };
  return {
    name,
    job,
    isKeelson: false,
    prepare: async () => {
      await surroundings.workshop.openTools('peers');
      await surroundings.openArchive();
      await changeOneFile(0);
    },
    forget: () => removeInstalled(surroundings.workshop, folder, made),
    changeOneFile,
    build: async (): Promise<BuiltDisk> => {
      for (const path of made) await mkdir(path, { recursive: true });
      const archive = await surroundings.openArchive();
      const tools = await surroundings.workshop.openTools('peers');
      await tools.run({
        file: '/usr/bin/mkosi',
        arguments: [
          `--directory=${configuration}`,
          ...(job === 'engine' ? ['--profile=docker'] : []),
          `--local-mirror=${archive.url}`,
          `--cache-directory=${cache}`,
          `--package-cache-dir=${packageCache}`,
          `--workspace-directory=${workspace}`,
          `--output-directory=${output}`,
          `--extra-tree=${files}`,
          '--force',
          'build',
        ],
        readOnly: [archive.folder, configuration],
        writable: [folder],
        workingFolder: folder,
        environment: { TMPDIR: workspace },
        installsPackages: true,
      });
      return { path: join(output, 'disk.raw'), countPackages: () => countPackages(output) };
    },
  };
}

async function countPackages(outputFolder: string): Promise<number> {
  const text = await readFile(join(outputFolder, 'disk.manifest'), 'utf8');
  return (JSON.parse(text) as Manifest).packages.length;
}
