import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import type { ArchiveName } from './package.ts';

/** The dated public archive of everything Debian ever published; the one host name in Keelson's code. */
const snapshotBase = 'http://snapshot.debian.org/archive';

export interface ArchiveFile {
  readonly archive: ArchiveName;
  /** Path below the archive's root, such as `pool/main/c/crun/crun_1.21-1_amd64.deb`. */
  readonly path: string;
  /** ISO 8601; asks the dated archive for its state at that time. */
  readonly date: string;
}

type MirrorHost = Pick<BuildHost, 'environmentVariable'>;

/**
 * Where a file of an archive may be had, in the order to try: KEELSON_MIRROR, the mirror of this computer's own apt,
 * the dated public archive. Bytes are checked by digest, so that any of them will do.
 */
export function archiveUrls(
  host: MirrorHost,
  { archive, path, date }: ArchiveFile,
  aptFolder = '/etc/apt',
): string[] {
  const bases = [
    chosenMirror(host.environmentVariable('KEELSON_MIRROR'), archive),
    ...aptBases(aptFolder, archive),
    `${snapshotBase}/${archive}/${snapshotTime(date)}`,
  ];
  const urls = bases.filter((base) => base !== undefined).map((base) => `${base}/${encodedPath(path)}`);
  return [...new Set(urls)];
}

/** The base URL of one archive at the mirror that the user chose; see archiveUrls. */
function chosenMirror(mirror: string | undefined, archive: ArchiveName): string | undefined {
  const base = (mirror ?? '').replace(/\/+$/, '');
  if (base === '') return undefined;
  if (!/^https?:\/\/./.test(base) || !URL.canParse(base)) {
    throw new KeelsonError({
      code: 'MIRROR_INVALID',
      class: 'input',
      message: `Cannot use mirror ${JSON.stringify(mirror)}: it is not the address of a web server`,
      hint: 'Give a base address such as http://mirror.example/debian, by --mirror or KEELSON_MIRROR.',
    });
  }
  if (base.endsWith('/debian')) return archive === 'debian' ? base : `${base}-security`;
  return `${base}/${archive}`;
}

/** Version numbers have `~`, `+` and `:`, which servers know both plain and encoded; `%` and spaces must be encoded. */
function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/').replaceAll('%2B', '+').replaceAll('%3A', ':');
}

/** `2026-11-21T08:25:27.000Z` → `20261121T082527Z`. */
function snapshotTime(date: string): string {
  return date.replace(/\.\d+/, '').replace(/[-:]/g, '');
}

/** Base URLs in the order in which they are tried, for people to see. */
export function aptMirrors(host: MirrorHost, aptFolder = '/etc/apt'): string[] {
  const bases = [
    chosenMirror(host.environmentVariable('KEELSON_MIRROR'), 'debian'),
    ...aptBases(aptFolder, 'debian'),
    `${snapshotBase}/debian`,
  ];
  return [...new Set(bases.filter((base) => base !== undefined))];
}

const knownFolders = new Map<string, readonly string[]>();

/** Mirrors of the archive that apt of this computer is set up with; read once. */
function aptBases(aptFolder: string, archive: ArchiveName): string[] {
  let uris = knownFolders.get(aptFolder);
  if (uris === undefined) {
    uris = readAptUris(aptFolder);
    knownFolders.set(aptFolder, uris);
  }
  const named = uris.filter((uri) => uri.endsWith(`/${archive}`));
  // A mirror of the main archive often carries the security archive beside it.
  const derived = archive === 'debian' ? [] : uris.filter((uri) => uri.endsWith('/debian'));
  return [...named, ...derived.map((uri) => `${uri}-security`)];
}

function readAptUris(aptFolder: string): string[] {
  const parts = join(aptFolder, 'sources.list.d');
  const names = orEmpty(() => readdirSync(parts)).sort();
  const lists = [join(aptFolder, 'sources.list'), ...filesOf(parts, names, '.list')];
  const stanzas = filesOf(parts, names, '.sources');
  return [
    ...lists.flatMap((path) => urisOfList(readText(path))),
    ...stanzas.flatMap((path) => urisOfSources(readText(path))),
  ];
}

function filesOf(folder: string, names: readonly string[], suffix: string): string[] {
  return names.filter((name) => name.endsWith(suffix)).map((name) => join(folder, name));
}

function readText(path: string): string {
  return orEmpty(() => [readFileSync(path, 'utf8')])[0] ?? '';
}

/** No apt, or no right to read its files, is no fault: there are other places. */
function orEmpty(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** One-line format, sources.list(5): `deb [options] URI suite component…`. */
export function urisOfList(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => usableUris(/^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)/.exec(line)?.[1] ?? ''));
}

/** Deb822 format, sources.list(5): stanzas with `Types`, `URIs`, `Enabled`. */
export function urisOfSources(text: string): string[] {
  const stanzas = text.replace(/^#.*\n?/gm, '').split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const field = (name: string) =>
      new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]?.trim() ?? '';
    if (/^(no|false|off|0|without|disable)$/i.test(field('Enabled'))) return [];
    if (!field('Types').split(/\s+/).includes('deb')) return [];
    return field('URIs').split(/\s+/).flatMap(usableUris);
  });
}

/** Plain web addresses of Debian archives; an address with a password in it would end up in messages. */
function usableUris(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password) return [];
  const base = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  return /\/debian(-security)?$/.test(base) ? [base] : [];
}
