import { parseControl } from '../debian/read-deb.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BlobReference } from '../store/store.ts';

/** What locking reads of an InRelease file (https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files). */
export interface ReleaseFile {
  /** Debian's name of the release, such as `sid`, whose alias (`Suite`) is `unstable`. */
  readonly codename: string;
  /** ISO 8601. */
  readonly date: string;
  readonly hasAcquireByHash: boolean;
  /** By path below the suite's folder, such as `main/binary-amd64/Packages.xz`. */
  readonly files: ReadonlyMap<string, BlobReference>;
}

const signedBegin = /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[\w-]+: .*\n)*\n/;
const signatureBegin = '\n-----BEGIN PGP SIGNATURE-----';

/**
 * Reads the signed part of an InRelease file. Does not verify the signature: apt does that, before anything that
 * was read here has an effect.
 */
export function parseReleaseFile(suite: string, text: string): ReleaseFile {
  const begin = signedBegin.exec(text);
  const end = text.indexOf(signatureBegin);
  if (begin === null || end === -1) throw unsigned(suite, 'it is not a signed message');
  const fields = parseControl(text.slice(begin[0].length, end));
  const date = new Date(fields.Date ?? '');
  if (Number.isNaN(date.getTime())) throw unsigned(suite, 'it has no date');
  return {
    codename: fields.Codename ?? suite,
    date: date.toISOString(),
    hasAcquireByHash: fields['Acquire-By-Hash'] === 'yes',
    files: parseFiles(fields.SHA256 ?? ''),
  };
}

function parseFiles(field: string): Map<string, BlobReference> {
  const files = new Map<string, BlobReference>();
  for (const line of field.split('\n')) {
    const [, sha256, size, path] = /^\s*([0-9a-f]{64})\s+(\d{1,12})\s+(\S+)$/.exec(line) ?? [];
    if (sha256 !== undefined && path !== undefined) files.set(path, { sha256, sizeBytes: Number(size) });
  }
  return files;
}

export function unsigned(suite: string, reason: string, cause?: unknown): KeelsonError {
  return new KeelsonError({
    code: 'ARCHIVE_SIGNATURE_INVALID',
    class: 'network',
    message: `Cannot trust the index of ${suite}: ${reason}`,
    hint: 'Use another mirror; if none works, the network between this computer and Debian may be tampered with.',
    cause,
  });
}
