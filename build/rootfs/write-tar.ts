import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Pack, pack } from 'tar-stream';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Tree, TreeNode } from './tree.ts';
import { describeIdentity } from './tree-draft.ts';

type FileNode = Extract<TreeNode, { type: 'file' }>;

/**
 * A tree as a tar stream (POSIX pax), the same bytes for the same tree: sorted paths, no names of users, one time for all.
 * Files that agree in content, mode and owner become hard links of the first of them, so that content
 * shared by several services is stored, and cached in the machine's memory, once.
 */
export function writeTar(tree: Tree, options: { readonly modifiedAt: number }): Readable {
  const tar = pack();
  writeEntries(tar, tree, options.modifiedAt).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  // tar-stream's is not one of Node's own streams, which child processes want.
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false });
}

async function writeEntries(tar: Pack, tree: Tree, modifiedAt: number): Promise<void> {
  const mtime = new Date(modifiedAt * 1000);
  const firstOf = new Map<string, string>();
  for (const path of [...tree.keys()].sort()) {
    const node = tree.get(path) as TreeNode;
    const name = path === '/' ? './' : path.slice(1);
    const common = { name, mode: node.mode, uid: node.uid, gid: node.gid, mtime };
    if (node.type !== 'file') {
      await writeEntry(tar, { ...common, ...headerOf(node) });
      continue;
    }
    const identity = describeIdentity(node);
    const first = firstOf.get(identity);
    if (first !== undefined && node.content.sizeBytes > 0) {
      await writeEntry(tar, { ...common, type: 'link', linkname: first });
      continue;
    }
    firstOf.set(identity, name);
    await writeFileEntry(tar, common, node);
  }
}

function headerOf(node: Exclude<TreeNode, FileNode>) {
  switch (node.type) {
    case 'folder':
      return { type: 'directory' } as const;
    case 'link':
      return { type: 'symlink', linkname: node.target } as const;
    case 'device':
      return {
        type: node.device === 'block' ? 'block-device' : 'character-device',
        devmajor: node.major,
        devminor: node.minor,
      } as const;
  }
}

async function writeFileEntry(tar: Pack, common: { readonly name: string }, node: FileNode): Promise<void> {
  const bytes = await node.content.read();
  if (createHash('sha256').update(bytes).digest('hex') !== node.content.sha256) {
    throw contentChanged(`/${common.name}`, node);
  }
  await writeEntry(tar, { ...common, type: 'file' }, bytes);
}

/** Waits until the reader has taken it, so that no more than one file is in memory. */
function writeEntry(tar: Pack, header: Parameters<Pack['entry']>[0], content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === undefined) tar.entry({ ...header, size: 0 }, done);
    else tar.entry({ ...header, size: content.length }, done).end(content);
  });
}

function contentChanged(path: string, node: FileNode): KeelsonError {
  return new KeelsonError({
    code: 'CONTENT_CHANGED',
    class: 'environment',
    message: `Cannot write ${path}: the bytes of ${node.origin} are not those that were there at the start of the build`,
    hint: 'Build again when nobody edits the files; if it stays, remove the store (keelson store shows where it is)',
  });
}
