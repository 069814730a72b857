import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { writeStream } from '../store/write-stream.ts';
import { type LayerContents, type LayerRow, layerDataFile, layerFile } from './layer-contents.ts';
import { type LayerEntry, LayerFault } from './read-layer.ts';

/** Names the step whose work this is; see StepSpec. */
export const indexLayerModule = import.meta.url;

/** The image specification's whiteouts, and what is left over of aufs, which has no meaning here. */
const whiteoutPrefix = '.wh.';
const opaqueWhiteout = '.wh..wh..opq';
const otherMeta = '.wh..wh.';

/** Turns a layer into `layer.json` and `layer.bin` in `folder`. */
export async function indexLayer(entries: AsyncIterable<LayerEntry>, folder: string): Promise<void> {
  const data = await open(join(folder, layerDataFile), 'wx', 0o644);
  try {
    await writeFile(join(folder, layerFile), layerText(await readRows(entries, data)), { mode: 0o644 });
  } finally {
    await data.close();
  }
}

async function readRows(entries: AsyncIterable<LayerEntry>, data: FileHandle): Promise<LayerContents> {
  const rows: LayerRow[] = [];
  const facts = { setIdFiles: 0, capabilityFiles: 0, devices: 0, pipes: 0 };
  let offset = 0;
  for await (const entry of entries) {
    const { path, type, mode, uid, gid } = entry;
    const common = [path, mode, uid, gid] as const;
    const mark = whiteoutOf(path);
    if (mark !== undefined) {
      if (mark !== 'none') rows.push(mark);
      continue;
    }
    switch (type) {
      case 'folder':
        rows.push(['folder', ...common]);
        break;
      case 'file':
        if ((mode & 0o6000) !== 0) facts.setIdFiles += 1;
        if (entry.hasCapabilities) facts.capabilityFiles += 1;
        rows.push(['file', ...common, offset, entry.sizeBytes, await appendContent(entry, data, offset)]);
        offset += entry.sizeBytes;
        break;
      case 'link':
        // Permissions of links mean nothing: Linux shows them all as 777.
        rows.push(['link', path, 0o777, uid, gid, entry.target]);
        break;
      case 'hard-link':
        rows.push(['name', path, entry.target]);
        break;
      case 'device':
        facts.devices += 1;
        rows.push(['omitted', path]);
        break;
      case 'pipe':
        facts.pipes += 1;
        rows.push(['omitted', path]);
        break;
    }
  }
  return { facts, rows };
}

/** `none`: an entry without a meaning; `undefined`: no whiteout. */
function whiteoutOf(path: string): LayerRow | 'none' | undefined {
  const name = basename(path);
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  if (name === opaqueWhiteout) return ['emptied', dirname(path)];
  if (name.startsWith(otherMeta)) return 'none';
  const hidden = name.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') throw new LayerFault(`${path} hides nothing`);
  return ['gone', posix.join(dirname(path), hidden)];
}

/** Returns the digest of what was appended. */
async function appendContent(entry: LayerEntry, data: FileHandle, offset: number): Promise<string> {
  const { sizeBytes, sha256 } = await writeStream(data, entry.content, offset);
  if (sizeBytes !== entry.sizeBytes)
    throw new LayerFault(`${entry.path} has not the size that its header says`);
  return sha256;
}

function layerText({ facts, rows }: LayerContents): string {
  return `{"facts":${JSON.stringify(facts)},\n"rows":[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`;
}
