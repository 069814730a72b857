import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  constants,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { updateBundleNames } from '../contract/update-bundle.ts';
import type { SlotImage } from '../disk/disk-image.ts';
import { digestFile } from '../disk/sparse-file.ts';
import type { Workshop } from '../tools/workshop.ts';
import { writeBundleManifest } from './bundle-manifest.ts';
import { makeBlockHashIndex, makeHashTree } from './hash-tree.ts';
import type { BundleManifest, BundlePayload } from './update-bundle.ts';

const { imageFile, adaptiveMethod } = updateBundleNames;

/**
 * Small blocks, for a machine fetches whole ones to get at single changed blocks of the image; zstd stores what is compressed
 * already. Nothing depends on the clock or on who builds: SOURCE_DATE_EPOCH is 0 for every tool.
 */
const squashfsOptions = [
  ...['-noappend', '-no-progress', '-quiet', '-all-root', '-no-xattrs', '-no-exports'],
  ...['-root-mode', '0755', '-comp', 'zstd', '-b', '16k'],
];

/**
 * squashfs and hash tree of an update bundle, made as RAUC makes them (create_bundle in its src/bundle.c) but without a key,
 * and with a salt that follows from the content: no two builds of one slot image differ.
 */
export async function makePayload(
  workshop: Workshop,
  slot: SlotImage,
  facts: Pick<BundleManifest, 'compatible' | 'version' | 'sequence' | 'channel'>,
): Promise<BundlePayload> {
  const tools = await workshop.openTools('update');
  const manifest: BundleManifest = { ...facts, image: { sha256: slot.sha256, sizeBytes: slot.sizeBytes } };
  const manifestText = writeBundleManifest(manifest);
  const step = await workshop.store.step(
    {
      title: 'make update bundle',
      moduleUrl: import.meta.url,
      inputs: { manifestText, squashfsOptions, tools: tools.id },
    },
    async (folder) => {
      const content = join(folder, 'content');
      const payload = join(folder, 'payload');
      await mkdir(content);
      await copyFile(slot.path, join(content, imageFile), constants.COPYFILE_FICLONE);
      const index = await makeBlockHashIndex(slot.path, slot.sizeBytes, workshop.host.signal);
      await writeFile(join(content, `${imageFile}.${adaptiveMethod}`), index);
      await writeFile(join(content, 'manifest.raucm'), manifestText);
      for (const name of await readdir(content)) await chmod(join(content, name), 0o644);
      await tools.run({
        file: '/usr/bin/mksquashfs',
        arguments: [content, payload, ...squashfsOptions],
        writable: [folder],
      });
      await rm(content, { recursive: true });
      await writeFile(
        join(folder, 'manifest'),
        await appendHashTree(payload, manifest, workshop.host.signal),
      );
      await writeFile(
        join(folder, 'payload.json'),
        `${JSON.stringify({ sha256: await digestFile(payload) })}\n`,
      );
    },
  );
  const path = join(step.folder, 'payload');
  const { sha256 } = JSON.parse(await readFile(join(step.folder, 'payload.json'), 'utf8')) as {
    sha256: string;
  };
  return {
    path,
    sizeBytes: (await stat(path)).size,
    sha256,
    manifestText: await readFile(join(step.folder, 'manifest'), 'utf8'),
  };
}

/** Appends the hash tree to a squashfs and gives the manifest that names its root. */
async function appendHashTree(path: string, manifest: BundleManifest, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  const salt = createHash('sha256')
    .update(`keelson bundle\0${await digestFile(path)}`)
    .digest();
  const tree = await makeHashTree(path, size, salt, signal);
  await appendFile(path, tree.bytes);
  const verity = { rootHash: tree.rootHash, salt: salt.toString('hex'), treeSizeBytes: tree.bytes.length };
  return writeBundleManifest({ ...manifest, verity });
}
