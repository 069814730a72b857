import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskImage } from '../disk/disk-image.ts';
import { digestFile } from '../disk/sparse-file.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Workshop } from '../tools/workshop.ts';
import type { FinishedFile } from './output-format.ts';

/** Compressed clusters, one after the other (no `-W`, one coroutine): the same disk gives the same bytes. */
export async function convertToQcow2(
  workshop: Workshop,
  _recipe: Recipe,
  disk: DiskImage,
): Promise<FinishedFile> {
  const tools = await workshop.openTools('image');
  const step = await workshop.store.step(
    { title: 'convert to qcow2', moduleUrl: import.meta.url, inputs: { disk: disk.sha256, tools: tools.id } },
    async (folder) => {
      const path = join(folder, 'disk.qcow2');
      await tools.run({
        file: '/usr/bin/qemu-img',
        arguments: [
          'convert',
          '-q',
          '-f',
          'raw',
          '-O',
          'qcow2',
          '-c',
          '-m',
          '1',
          '-o',
          'compression_type=zstd',
          disk.path,
          path,
        ],
        readOnly: [dirname(disk.path)],
        writable: [folder],
      });
      const facts = { sizeBytes: (await stat(path)).size, sha256: await digestFile(path) };
      await writeFile(join(folder, 'qcow2.json'), `${JSON.stringify(facts)}\n`);
    },
  );
  const facts = JSON.parse(await readFile(join(step.folder, 'qcow2.json'), 'utf8'));
  return { path: join(step.folder, 'disk.qcow2'), sizeBytes: facts.sizeBytes, sha256: facts.sha256 };
}
