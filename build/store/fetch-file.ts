import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, open, rm, stat } from 'node:fs/promises';
import type { BuildHost, HttpReply } from '../host/build-host.ts';
import type { BlobReference } from './store.ts';
import { errorCode } from './store-error.ts';
import { type FailureKind, failureOf, isRetried, type Patience, UrlFailure } from './url-failure.ts';
import { withoutStall } from './without-stall.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Fetches `url` to the file `partial`, going on from what is there. Never reads more than `sizeBytes`. `undefined`
 * means that the file holds exactly the wanted bytes, flushed to disk and read-only; on a mismatch it is removed.
 */
export async function fetchToFile(
  host: BuildHost,
  url: string,
  partial: string,
  wanted: BlobReference,
  patience: Patience,
  onBytes: (count: number) => void,
): Promise<UrlFailure | undefined> {
  let failure: UrlFailure | undefined;
  for (let attempt = 0; attempt < patience.attempts; attempt += 1) {
    if (attempt > 0) await host.wait(patience.backOffMs * 2 ** (attempt - 1));
    const offsetBytes = await partialSize(partial, wanted);
    failure = await attemptFetch({ host, url, partial, wanted, patience, onBytes }, offsetBytes);
    if (failure === undefined) return undefined;
    // A file joined from two servers or two days may be wrong where a whole one is right.
    if (failure.kind === 'mismatch' && offsetBytes > 0) continue;
    if (!isRetried(failure)) return failure;
  }
  return failure;
}

interface Attempt {
  readonly host: BuildHost;
  readonly url: string;
  readonly partial: string;
  readonly wanted: BlobReference;
  readonly patience: Patience;
  readonly onBytes: (count: number) => void;
}

async function partialSize(partial: string, wanted: BlobReference): Promise<number> {
  const size = await stat(partial).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size < wanted.sizeBytes) return size;
  await rm(partial, { force: true });
  return 0;
}

async function attemptFetch(attempt: Attempt, offsetBytes: number): Promise<UrlFailure | undefined> {
  const { host, url, patience } = attempt;
  const fail = (kind: FailureKind, reason: string) => new UrlFailure(url, reason, kind);
  try {
    return await withoutStall(host, patience.stallMs, async (signal, alive) => {
      const reply = await host.download(url, { offsetBytes, signal });
      alive();
      const refusal = judgeReply(reply, attempt.wanted, offsetBytes);
      if (refusal !== undefined) {
        if (refusal.kind === 'mismatch' || reply.status === 416) await rm(attempt.partial, { force: true });
        return fail(refusal.kind, refusal.reason);
      }
      const answer = await receive(attempt, reply, reply.status === 206 ? offsetBytes : 0, alive);
      return answer === undefined ? undefined : fail(answer.kind, answer.reason);
    });
  } catch (error) {
    host.signal.throwIfAborted();
    if (isDiskFault(error)) throw error;
    return failureOf(url, error, patience.stallMs);
  }
}

/** A fault of the disk, not of the server. */
function isDiskFault(error: unknown): boolean {
  const { syscall } = error as { syscall?: string };
  return (
    ['open', 'write', 'fsync', 'chmod', 'unlink', 'rm'].includes(syscall ?? '') ||
    ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '')
  );
}

interface Answer {
  readonly kind: FailureKind;
  readonly reason: string;
}

function judgeReply(reply: HttpReply, wanted: BlobReference, offsetBytes: number): Answer | undefined {
  const { status, headers } = reply;
  if (status === 429 || status >= 500) return { kind: 'busy', reason: `HTTP status ${status}` };
  // The kept part is not wanted by this server: the next attempt starts from nothing.
  if (status === 416) return { kind: 'cut', reason: 'HTTP status 416' };
  if (status !== 200 && status !== 206) return { kind: 'refused', reason: `HTTP status ${status}` };
  if (status === 206 && !(headers['content-range'] ?? '').startsWith(`bytes ${offsetBytes}-`)) {
    return { kind: 'mismatch', reason: 'it sent another range than asked for' };
  }
  const promised = headers['content-length'];
  const due = wanted.sizeBytes - (status === 206 ? offsetBytes : 0);
  if (promised !== undefined && Number(promised) !== due) {
    return { kind: 'mismatch', reason: `it offers ${promised} bytes where ${due} are wanted` };
  }
  return undefined;
}

async function receive(
  { partial, wanted, onBytes }: Attempt,
  reply: HttpReply,
  offsetBytes: number,
  alive: () => void,
): Promise<Answer | undefined> {
  const hash = createHash('sha256');
  if (offsetBytes > 0) await hashFile(partial, hash);
  const file = await open(partial, offsetBytes > 0 ? 'a' : 'w');
  let size = offsetBytes;
  let counted = 0;
  const forget = async (reason: string): Promise<Answer> => {
    await rm(partial, { force: true });
    onBytes(-counted);
    return { kind: 'mismatch', reason };
  };
  try {
    onBytes(offsetBytes);
    counted += offsetBytes;
    for await (const chunk of reply.body) {
      alive();
      size += chunk.length;
      if (size > wanted.sizeBytes)
        return await forget(`it sends more than the ${wanted.sizeBytes} bytes wanted`);
      await writeWhole(file, chunk);
      hash.update(chunk);
      onBytes(chunk.length);
      counted += chunk.length;
    }
    if (size < wanted.sizeBytes) {
      onBytes(-counted);
      return { kind: 'cut', reason: `it ended after ${size} of ${wanted.sizeBytes} bytes` };
    }
    const digest = hash.digest('hex');
    if (digest !== wanted.sha256) return await forget(`its sha256 is ${digest}, not ${wanted.sha256}`);
    // A rename may reach the disk before the bytes do.
    await file.sync();
    await chmod(partial, 0o444);
    return undefined;
  } catch (error) {
    onBytes(-counted);
    throw error;
  } finally {
    await file.close();
  }
}

async function hashFile(path: string, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
}
