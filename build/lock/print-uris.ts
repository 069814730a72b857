import type { ArchiveName } from '../debian/package.ts';

/** A package that apt chose: where it lies in the archive. */
export interface ChosenPackage {
  readonly archive: ArchiveName;
  readonly name: string;
  /** Below the archive's root. */
  readonly path: string;
}

/** Reads the answer of `apt-get --print-uris` about archives below `archivesFolder`: `'URI' file size digest` lines. */
export function parsePrintedUris(output: string, archivesFolder: string): ChosenPackage[] {
  const chosen: ChosenPackage[] = [];
  const prefix = `file:${archivesFolder}/`;
  for (const line of output.split('\n')) {
    const [, uri, file] = /^'([^']+)' (\S+_\S+_\S+\.deb) \d+/.exec(line) ?? [];
    if (uri === undefined || file === undefined) continue;
    const decoded = decodeURIComponent(uri);
    if (!decoded.startsWith(prefix)) throw new Error(`apt chose ${uri}, which is not in the local copy`);
    const location = decoded.slice(prefix.length);
    const slash = location.indexOf('/');
    const archive = location.slice(0, slash);
    if (archive !== 'debian' && archive !== 'debian-security')
      throw new Error(`apt chose ${uri} of no known archive`);
    chosen.push({ archive, name: file.slice(0, file.indexOf('_')), path: location.slice(slash + 1) });
  }
  return chosen;
}
