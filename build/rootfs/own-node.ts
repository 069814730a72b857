import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mergedUsrPath } from '../debian/merged-usr.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { renderTemplate } from '../recipe/render-template.ts';
import type { FileRequest } from '../services/service-definition.ts';
import { bytesOf } from './byte-source.ts';
import type { SlicePart, SliceRequest } from './slice-files.ts';
import type { ByteSource, TreeNode } from './tree.ts';

type OwnRequest = Exclude<FileRequest, { kind: 'package' }>;
type SourceRequest = Extract<FileRequest, { kind: 'source' }>;

/** What an entry of the owner's own puts into the tree. */
export async function ownNode(
  part: SlicePart,
  request: OwnRequest,
  bundleProgram: SliceRequest['bundleProgram'],
): Promise<readonly [path: string, node: TreeNode]> {
  const path = mergedUsrPath(request.path);
  const asRoot = { uid: 0, gid: 0, origin: part.owner } as const;
  switch (request.kind) {
    case 'source':
      return [path, { type: 'file', content: await readSource(part, request), ...accessOf(part, request) }];
    case 'content':
      return [path, { type: 'file', content: bytesOf(request.content), ...accessOf(part, request) }];
    case 'folder':
      return [path, { type: 'folder', ...accessOf(part, request) }];
    case 'link':
      return [path, { type: 'link', target: request.target, mode: 0o777, ...asRoot }];
    case 'program':
      return [path, { type: 'file', content: await bundleProgram(request.program), mode: 0o755, ...asRoot }];
  }
}

function accessOf(part: SlicePart, { mode, uid, gid }: Pick<SourceRequest, 'mode' | 'uid' | 'gid'>) {
  return { mode, uid, gid, origin: part.owner };
}

/** Loading the recipe has proved that the file exists and lies in its folder; it may have gone since. */
async function readSource(part: SlicePart, request: SourceRequest): Promise<ByteSource> {
  const file = join(dirname(request.place.file), request.source);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new KeelsonError({
      code: 'SOURCE_MISSING',
      class: 'input',
      message: `Cannot take the file ${request.source} for ${part.owner}: it cannot be read`,
      place: request.place,
      hint: `create ${file} or correct the name`,
      cause,
    });
  });
  if (!file.endsWith('.hbs')) return bytesOf(bytes);
  return bytesOf(renderTemplate(bytes.toString('utf8'), part.context, { file }));
}
