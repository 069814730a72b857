import type { ComposedRootfs } from './composed-rootfs.ts';
import type { Tree } from './tree.ts';

export interface TreePart {
  readonly name: string;
  readonly tree: Tree;
}

/** Bytes of file content by part, before compression; content that an earlier part has costs nothing again. */
export function measureParts(parts: readonly TreePart[]): ComposedRootfs['sizes'] {
  const counted = new Set<string>();
  return parts.map(({ name, tree }) => {
    let sizeBytes = 0;
    let fileCount = 0;
    for (const node of tree.values()) {
      if (node.type !== 'file') continue;
      fileCount += 1;
      if (counted.has(node.content.sha256)) continue;
      counted.add(node.content.sha256);
      sizeBytes += node.content.sizeBytes;
    }
    return { part: name, sizeBytes, fileCount };
  });
}
