import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import { formatBytes } from '../errors/format-quantity.ts';
import type { Place } from '../errors/keelson-error.ts';
import { readAtOnce } from '../host/read-at-once.ts';
import { findPrivateKey } from '../recipe/private-key.ts';
import { type RecipeTemplateContext, renderTemplate } from '../recipe/render-template.ts';
import type { YamlSource } from '../recipe/yaml-source.ts';
import type { FileRequest } from './service-definition.ts';
import type { FileEntry } from './slice-schema.ts';

type FileTable = Exclude<FileEntry, string>;
const kinds = ['source', 'content', 'link', 'program', 'folder'] as const;
type FileKind = (typeof kinds)[number];

const sourceLimitBytes = 64 * 1024 * 1024;

/** From the `files` of a YAML file to requests; sources are read to see that they are there, hold no key and render. */
export async function readFileRequests(
  entries: readonly FileEntry[],
  source: YamlSource,
  context: RecipeTemplateContext,
  faults: FaultList,
): Promise<FileRequest[]> {
  const requests: FileRequest[] = [];
  for (const [index, entry] of entries.entries()) {
    const place = source.place(['files', index]);
    if (typeof entry === 'string') {
      requests.push({ kind: 'package', path: entry, place });
      continue;
    }
    const kind = chooseKind(entry, place, faults);
    if (kind === undefined) continue;
    if (kind === 'source') {
      await checkSource(
        entry.source ?? '',
        source,
        source.place(['files', index, 'source']),
        context,
        faults,
      );
    }
    requests.push(makeRequest(entry, kind, place));
  }
  return requests;
}

function chooseKind(entry: FileTable, place: Place, faults: FaultList): FileKind | undefined {
  const given = kinds.filter((kind) => entry[kind] !== undefined);
  const hint = `give exactly one of ${kinds.join(', ')}`;
  if (given.length !== 1) {
    const reason = given.length === 0 ? 'nothing says what is in it' : `${given.join(' and ')} contradict`;
    faults.add({ code: 'FILE_INVALID', message: `Cannot make ${entry.path}: ${reason}`, place, hint });
    return undefined;
  }
  const kind = given[0] as FileKind;
  const hasOwner = entry.mode !== undefined || entry.uid !== undefined || entry.gid !== undefined;
  if (hasOwner && (kind === 'link' || kind === 'program')) {
    faults.add({
      code: 'FILE_INVALID',
      message: `Cannot give ${entry.path} a mode or an owner: it is a ${kind}`,
      place,
      hint: 'remove mode, uid and gid',
    });
    return undefined;
  }
  return kind;
}

function makeRequest(entry: FileTable, kind: FileKind, place: Place): FileRequest {
  const { path } = entry;
  const owner = { uid: entry.uid ?? 0, gid: entry.gid ?? 0 };
  const mode = parseMode(entry.mode, kind === 'folder' ? 0o755 : 0o644);
  switch (kind) {
    case 'source':
      return { kind, path, source: entry.source ?? '', mode, ...owner, place };
    case 'content':
      return { kind, path, content: entry.content ?? '', mode, ...owner, place };
    case 'link':
      return { kind, path, target: entry.link ?? '', place };
    case 'program':
      return { kind, path, program: entry.program ?? '', place };
    case 'folder':
      return { kind, path, mode, ...owner, place };
  }
}

/** `0644` and `0o644` are the same; the YAML reader keeps them as text. */
function parseMode(mode: string | number | undefined, byDefault: number): number {
  return mode === undefined ? byDefault : Number.parseInt(String(mode).replace('o', ''), 8);
}

async function checkSource(
  path: string,
  source: YamlSource,
  place: Place,
  context: RecipeTemplateContext,
  faults: FaultList,
): Promise<void> {
  const content = await readSource(path, source, place, faults);
  if (content === undefined || !path.endsWith('.hbs')) return;
  faults.catch(() => renderTemplate(content.toString('utf8'), context, { file: join(source.folder, path) }));
}

/** A file beside the YAML file; `undefined` with a fault when it is not there or may not be taken. */
export async function readSource(
  path: string,
  source: YamlSource,
  place: Place,
  faults: FaultList,
): Promise<Buffer | undefined> {
  const file = join(source.folder, path);
  const problem = await findSourceProblem(file, source.folder);
  if (problem !== undefined) {
    faults.add({
      code: problem.code,
      message: `Cannot take the file ${path}: ${problem.reason}`,
      place,
      hint: problem.hint,
    });
    return undefined;
  }
  const bytes = readAtOnce(file);
  const secret = findPrivateKey(bytes.toString('latin1'));
  if (secret !== undefined) {
    faults.add({
      code: 'SECRET_REFUSED',
      message: `Cannot take the file ${path}: it holds ${secret.kind}, and an image is no place for secrets`,
      place,
      hint: 'remove it, replace the key, and give the machine its secrets when it is provisioned',
    });
    return undefined;
  }
  return bytes;
}

/** Why a file beside a YAML file cannot be taken. */
export async function findSourceProblem(
  file: string,
  folder: string,
): Promise<{ code: string; reason: string; hint: string } | undefined> {
  try {
    const real = await realpath(file);
    if (!real.startsWith((await realpath(folder)) + sep)) {
      return {
        code: 'PATH_INVALID',
        reason: 'a link leads out of its folder',
        hint: 'put a copy of the file beside the YAML file',
      };
    }
    const status = await stat(real);
    if (!status.isFile()) {
      return {
        code: 'SOURCE_MISSING',
        reason: 'it is not a file',
        hint: 'name each file in an entry of its own',
      };
    }
    if (status.size > sourceLimitBytes) {
      return {
        code: 'SOURCE_TOO_LARGE',
        reason: `it has ${formatBytes(status.size)} and the limit is ${formatBytes(sourceLimitBytes)}`,
        hint: 'bring large content as a package',
      };
    }
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return {
        code: 'SOURCE_MISSING',
        reason: 'there is none',
        hint: `create ${file} or correct the name`,
      };
    }
    return { code: 'FILE_UNREADABLE', reason: message, hint: 'check that you may read it' };
  }
}
