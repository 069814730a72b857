import type { Tree, TreeNode } from '../rootfs/tree.ts';

const fileTypes = { folder: 0o040000, file: 0o100000, link: 0o120000, character: 0o020000, block: 0o060000 };

/**
 * A tree as a cpio archive in the one format the kernel unpacks, "newc"
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html). Sorted, all times 0, so the same tree is
 * always the same bytes.
 */
export async function writeCpio(tree: Tree): Promise<Buffer> {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const [path, node] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (path === '/') continue;
    const content = await contentOf(node);
    parts.push(header(path.slice(1), node, content.length, inode++), pad(content));
  }
  parts.push(header('TRAILER!!!', undefined, 0, 0));
  return Buffer.concat(parts);
}

async function contentOf(node: TreeNode): Promise<Buffer> {
  if (node.type === 'file') return node.content.read();
  return Buffer.from(node.type === 'link' ? node.target : '');
}

function header(name: string, node: TreeNode | undefined, sizeBytes: number, inode: number): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  const device = node?.type === 'device' ? node : undefined;
  const fields = [
    inode,
    node === undefined ? 0 : node.mode | fileTypes[device?.device ?? (node.type as 'file')],
    node?.uid ?? 0,
    node?.gid ?? 0,
    node?.type === 'folder' ? 2 : 1,
    0, // mtime
    sizeBytes,
    0, // device of the file system, major and minor
    0,
    device?.major ?? 0,
    device?.minor ?? 0,
    nameBytes.length,
    0, // checksum, not used by this format
  ];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return pad(Buffer.concat([Buffer.from(text), nameBytes]));
}

/** Headers with names, and contents, each end at a multiple of four bytes. */
function pad(bytes: Buffer): Buffer {
  const missing = (4 - (bytes.length % 4)) % 4;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
