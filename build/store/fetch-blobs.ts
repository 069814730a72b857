import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { EventSink } from '../events/build-event.ts';
import { type SpanFacts, withSpan } from '../events/span.ts';
import type { BuildHost } from '../host/build-host.ts';
import { fetchToFile } from './fetch-file.ts';
import type { BlobReference, Store } from './store.ts';
import { asStoreError } from './store-error.ts';
import { withLock } from './store-lock.ts';
import { defaultPatience, type Patience, type UrlFailure } from './url-failure.ts';

/** A blob to have, how people call it, and where it may be found, in order. */
export interface WantedBlob {
  readonly reference: BlobReference;
  readonly title: string;
  readonly urls: readonly string[];
}

/** The parts of a workshop that fetching needs. */
export interface FetchWorkshop {
  readonly host: BuildHost;
  readonly store: Store;
  readonly emit: EventSink;
}

const parallelDownloads = 6;
const progressEveryMs = 100;

/**
 * Has all wanted blobs in the store: checked by size and digest before they are there under their name. Throws
 * DOWNLOAD_FAILED or DIGEST_MISMATCH, naming every URL tried; what was fetched before is kept.
 */
export async function fetchBlobs(
  workshop: FetchWorkshop,
  wanted: readonly WantedBlob[],
  stage: string,
  patience: Patience = defaultPatience,
): Promise<void> {
  const missing: WantedBlob[] = [];
  for (const blob of uniqueBlobs(wanted)) {
    if (!(await workshop.store.hasBlob(blob.reference))) missing.push(blob);
  }
  if (missing.length === 0) return;
  const progress = progressOf(workshop, missing, stage);
  const brokenOrigins = new Set<string>();
  const failures: FailedBlob[] = [];
  const queue = [...missing];
  let isStopped = false;
  const worker = async (): Promise<void> => {
    for (let blob = queue.shift(); blob !== undefined; blob = queue.shift()) {
      // What one cannot have, the rest will hardly have: stop asking, finish what runs.
      if (failures.length > 0 || isStopped) return;
      const failed = await fetchBlob(workshop, blob, patience, brokenOrigins, progress);
      if (failed !== undefined) failures.push(failed);
    }
  };
  const workers = Array.from({ length: Math.min(parallelDownloads, missing.length) }, () =>
    worker().catch((error: unknown) => {
      isStopped = true;
      throw error;
    }),
  );
  // All come to their end first, so that none writes on after the error is told.
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  if (failures.length > 0) throw downloadError(failures);
}

interface FailedBlob {
  readonly blob: WantedBlob;
  readonly failures: readonly UrlFailure[];
}

function uniqueBlobs(wanted: readonly WantedBlob[]): WantedBlob[] {
  return [...new Map(wanted.map((blob) => [blob.reference.sha256, blob])).values()];
}

async function fetchBlob(
  workshop: FetchWorkshop,
  blob: WantedBlob,
  patience: Patience,
  brokenOrigins: Set<string>,
  progress: (what: string, bytes: number) => void,
): Promise<FailedBlob | undefined> {
  const { store, host, emit } = workshop;
  const { sha256 } = blob.reference;
  const path = store.blobPath(sha256);
  const partial = join(store.root, 'partial', sha256);
  try {
    await mkdir(dirname(path), { recursive: true });
    return await withLock(workshop, `blob-${sha256}`, async () => {
      if (await store.hasBlob(blob.reference)) {
        progress(blob.title, blob.reference.sizeBytes);
        return undefined;
      }
      const failures: UrlFailure[] = [];
      for (const url of sortedByHealth(blob.urls, brokenOrigins)) {
        const failure = await withSpan(
          emit,
          { kind: 'download', title: blob.title },
          () =>
            fetchToFile(host, url, partial, blob.reference, patience, (bytes) => progress(blob.title, bytes)),
          (failed) => describeDownload(blob, url, failed),
        );
        if (failure === undefined) {
          await rename(partial, path);
          return undefined;
        }
        if (failure.kind === 'unreachable') brokenOrigins.add(new URL(url).origin);
        failures.push(failure);
      }
      return { blob, failures };
    });
  } catch (error) {
    const storeError = asStoreError(store.root, `store ${blob.title}`, error);
    // A partial file on a full disk is in the way of everything else.
    if ((storeError as { code?: string }).code === 'STORE_FULL') await rm(partial, { force: true });
    throw storeError;
  }
}

/** The origin of an address is without its credentials. */
function describeDownload(blob: WantedBlob, url: string, failed: UrlFailure | undefined): SpanFacts {
  const from = new URL(url).origin;
  return failed === undefined ? { from, sizeBytes: blob.reference.sizeBytes } : { from, error: failed.kind };
}

/** Servers that could not be reached before are asked last. */
function sortedByHealth(urls: readonly string[], brokenOrigins: ReadonlySet<string>): string[] {
  const isBroken = (url: string) => Number(brokenOrigins.has(new URL(url).origin));
  return [...urls].sort((left, right) => isBroken(left) - isBroken(right));
}

function progressOf({ host, emit }: FetchWorkshop, missing: readonly WantedBlob[], stage: string) {
  const totalBytes = missing.reduce((sum, { reference }) => sum + reference.sizeBytes, 0);
  let doneBytes = 0;
  let toldMs = 0;
  return (what: string, bytes: number): void => {
    doneBytes += bytes;
    const isEnd = doneBytes === totalBytes;
    if (!isEnd && host.now() - toldMs < progressEveryMs) return;
    toldMs = host.now();
    emit({ type: 'progress', stage, doneBytes, totalBytes, what });
  };
}

function downloadError(failed: readonly FailedBlob[]): KeelsonError {
  const all = failed.flatMap(({ failures }) => failures);
  const isMismatch = all.some(({ kind }) => kind === 'mismatch');
  const titles = failed.map(({ blob }) => blob.title).sort();
  const reasons = failed.flatMap(({ blob, failures }) =>
    failures.length === 0
      ? [`  ${blob.title}: no place to fetch it from is known`]
      : failures.map(({ url, reason }) => `  ${url}: ${reason}`),
  );
  return new KeelsonError({
    code: isMismatch ? 'DIGEST_MISMATCH' : 'DOWNLOAD_FAILED',
    class: 'network',
    message: `Cannot fetch ${titles.join(', ')}:\n${[...new Set(reasons)].join('\n')}`,
    hint: isMismatch
      ? 'A server gives other bytes than the lockfile names. Try another mirror with KEELSON_MIRROR, or lock again.'
      : 'Check the network, or name a Debian mirror with KEELSON_MIRROR; what was fetched is kept.',
  });
}
