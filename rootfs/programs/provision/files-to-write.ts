import { decodeBase64 } from '../shared/base64.ts';
import type { Found, YamlReader } from './yaml-reader.ts';

export interface FileToWrite {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  /** `user:group`, names or numbers. */
  readonly owner: string;
  readonly isAppended: boolean;
}

/** Keys of an entry that are understood; `defer` changes nothing, as nothing is installed later. */
export const fileKeys = ['path', 'content', 'encoding', 'permissions', 'owner', 'append', 'defer'] as const;

/** Trees that a seed may write to; everything else is read-only or belongs to the machine. */
const writableTrees = ['/home/', '/root/', '/run/keelson/files/', '/var/lib/keelson/services/'];

/** `write_files`; what is wrong with one of them leaves out that one. */
export function readFilesToWrite(
  yaml: YamlReader,
  found: Found | undefined,
  noteUnused: (fields: ReadonlyMap<string, Found>, prefix: string) => void,
): readonly FileToWrite[] {
  return yaml.items(found).flatMap((item) => {
    const fields = yaml.fields(item);
    noteUnused(fields, `${item.name}.`);
    const path = readPath(yaml, fields.get('path'), item);
    const content = readContent(yaml, fields);
    const mode = readMode(yaml, fields.get('permissions'));
    const owner = readOwner(yaml, fields.get('owner'));
    const isAppended = yaml.flag(fields.get('append')) ?? false;
    return path === undefined || content === undefined || mode === undefined || owner === undefined
      ? []
      : [{ path, content, mode, owner, isAppended }];
  });
}

function readPath(yaml: YamlReader, found: Found | undefined, item: Found): string | undefined {
  const path = yaml.text(found);
  if (found === undefined || path === undefined) {
    yaml.fault(item, `${item.name} needs a path`);
    return undefined;
  }
  const parts = path.split('/').slice(1);
  const isPlain = parts.every(
    (part) => part !== '' && part !== '.' && part !== '..' && part.length < 256 && !part.includes('\0'),
  );
  if (!path.startsWith('/') || !isPlain || path.length > 1024) {
    yaml.fault(found, `${found.name} must be an absolute path without "." and ".." parts`);
    return undefined;
  }
  if (!writableTrees.some((tree) => path.startsWith(tree))) {
    yaml.fault(found, `${found.name} is not below ${writableTrees.join(', ')}`);
    return undefined;
  }
  return path;
}

function readContent(yaml: YamlReader, fields: ReadonlyMap<string, Found>): string | Uint8Array | undefined {
  const found = fields.get('content');
  const text = yaml.text(found) ?? '';
  const encoding = yaml.text(fields.get('encoding')) ?? 'text/plain';
  if (encoding === 'text/plain') {
    return text;
  }
  const at = fields.get('encoding') ?? { node: undefined, name: 'encoding' };
  if (encoding !== 'b64' && encoding !== 'base64') {
    yaml.fault(at, `${at.name} must be text/plain, b64 or base64`);
    return undefined;
  }
  const bytes = decodeBase64(text);
  if (bytes === undefined) {
    yaml.fault(found ?? at, `${found?.name ?? at.name} is not base64`);
  }
  return bytes;
}

function readMode(yaml: YamlReader, found: Found | undefined): number | undefined {
  const value = yaml.textOrNumber(found) ?? 0o644;
  const mode = typeof value === 'number' ? value : /^(0o)?[0-7]{3,5}$/.test(value) ? parseOctal(value) : -1;
  if (found !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) {
    yaml.fault(found, `${found.name} must be an octal number such as "0644"`);
    return undefined;
  }
  return mode;
}

function readOwner(yaml: YamlReader, found: Found | undefined): string | undefined {
  const owner = yaml.text(found) ?? 'root:root';
  if (found !== undefined && !/^[a-z0-9_-]{1,32}(:[a-z0-9_-]{1,32})?$/.test(owner)) {
    yaml.fault(found, `${found.name} must be "user" or "user:group"`);
    return undefined;
  }
  return owner;
}

function parseOctal(text: string): number {
  return Number.parseInt(text.replace(/^0o/, ''), 8);
}
