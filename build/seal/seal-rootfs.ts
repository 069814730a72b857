import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { ComposedRootfs } from '../rootfs/composed-rootfs.ts';
import { digestTree } from '../rootfs/digest-tree.ts';
import { writeTar } from '../rootfs/write-tar.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { planSeal, type SealPlan } from './plan-seal.ts';
import type { SealedRootfs } from './sealed-rootfs.ts';

const rootFile = 'root.erofs-verity';
const sealFile = 'seal.json';

/** What a cached step is read back from. */
type SealRecord = Omit<SealedRootfs, 'path'>;

/**
 * Makes the root read-only and tamper-evident: erofs from the tree, its dm-verity hash tree behind it. The same tree and
 * tools give the same bytes, and the same root hash.
 */
export async function sealRootfs(
  workshop: Workshop,
  recipe: Recipe,
  composed: ComposedRootfs,
): Promise<SealedRootfs> {
  const tools = await workshop.openTools('image');
  const plan = planSeal(recipe.name, digestTree(composed.tree), recipe.disk.compression);
  const { folder } = await workshop.store.step(
    { title: 'seal root', moduleUrl: import.meta.url, inputs: { plan, tools: tools.id } },
    async (folder) => {
      const record = await produceSealed(tools, plan, composed, folder);
      await writeFile(join(folder, sealFile), JSON.stringify(record));
    },
  );
  const record = JSON.parse(await readFile(join(folder, sealFile), 'utf8')) as SealRecord;
  return { path: join(folder, rootFile), ...record };
}

async function produceSealed(
  tools: ToolsTree,
  plan: SealPlan,
  composed: ComposedRootfs,
  folder: string,
): Promise<SealRecord> {
  const path = join(folder, rootFile);
  const tar = writeTar(composed.tree, { modifiedAt: plan.modifiedAt });
  await tools.run(
    { file: '/usr/bin/mkfs.erofs', arguments: [...plan.erofsArguments, path], writable: [folder] },
    { input: tar },
  );
  const hashOffsetBytes = roundUp((await stat(path)).size, plan.blockBytes);
  await truncate(path, hashOffsetBytes);

  const { stdout } = await tools.run({
    file: '/usr/sbin/veritysetup',
    arguments: ['format', ...plan.verityArguments, `--hash-offset=${hashOffsetBytes}`, path, path],
    writable: [folder],
  });
  const rootHash = /^Root hash:\s+([0-9a-f]{64})\s*$/m.exec(stdout)?.[1];
  if (rootHash === undefined) throw noRootHash(stdout);
  return {
    sizeBytes: (await stat(path)).size,
    sha256: await digestFile(path),
    hashOffsetBytes,
    dataBlocks: hashOffsetBytes / plan.blockBytes,
    rootHash,
    salt: plan.salt,
  };
}

function roundUp(size: number, unit: number): number {
  return Math.ceil(size / unit) * unit;
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function noRootHash(output: string): KeelsonError {
  return new KeelsonError({
    code: 'ROOT_HASH_MISSING',
    class: 'internal',
    message: `Cannot seal the root: veritysetup said nothing of a root hash but "${output.trim().slice(-200)}"`,
    hint: 'report this: it is a fault of Keelson',
  });
}
