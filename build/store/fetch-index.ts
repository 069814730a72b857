import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { defaultPatience, failureOf, isRetried, type Patience, UrlFailure } from './url-failure.ts';
import { withoutStall } from './without-stall.ts';

/** An InRelease file has 150 kB. */
const defaultMaxBytes = 4 * 1024 * 1024;

export interface FetchIndexOptions {
  readonly maxBytes?: number;
  readonly patience?: Patience;
}

/**
 * The text at the first URL that has it. For files whose digest nobody knows before, such as a signed index: the
 * caller must check the signature. DOWNLOAD_FAILED names every URL tried.
 */
export async function fetchIndex(
  { host }: { readonly host: BuildHost },
  urls: readonly string[],
  { maxBytes = defaultMaxBytes, patience = defaultPatience }: FetchIndexOptions = {},
): Promise<string> {
  const failures: UrlFailure[] = [];
  for (const url of urls) {
    const answer = await fetchText(host, url, maxBytes, patience);
    if (typeof answer === 'string') return answer;
    failures.push(answer);
  }
  throw new KeelsonError({
    code: 'DOWNLOAD_FAILED',
    class: 'network',
    message: `Cannot fetch ${lastPart(urls[0])}:\n${failures.map(({ url, reason }) => `  ${url}: ${reason}`).join('\n')}`,
    hint: 'Check the network, or name a Debian mirror with KEELSON_MIRROR.',
  });
}

function lastPart(url: string | undefined): string {
  return url === undefined ? 'an index: no place to fetch it from is known' : new URL(url).pathname.slice(1);
}

async function fetchText(
  host: BuildHost,
  url: string,
  maxBytes: number,
  patience: Patience,
): Promise<string | UrlFailure> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await attemptFetch(host, url, maxBytes, patience.stallMs);
    if (typeof answer === 'string' || attempt === patience.attempts || !isRetried(answer)) return answer;
    await host.wait(patience.backOffMs * 2 ** (attempt - 1));
  }
}

async function attemptFetch(
  host: BuildHost,
  url: string,
  maxBytes: number,
  stallMs: number,
): Promise<string | UrlFailure> {
  try {
    return await withoutStall(host, stallMs, async (signal, alive) => {
      const { status, headers, body } = await host.download(url, { signal });
      if (status === 429 || status >= 500) return new UrlFailure(url, `HTTP status ${status}`, 'busy');
      if (status !== 200) return new UrlFailure(url, `HTTP status ${status}`, 'refused');
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of body) {
        alive();
        size += chunk.length;
        if (size > maxBytes) return new UrlFailure(url, `it sends more than ${maxBytes} bytes`, 'mismatch');
        chunks.push(chunk);
      }
      const promised = headers['content-length'];
      if (promised !== undefined && Number(promised) !== size) {
        return new UrlFailure(url, `it ended after ${size} of ${promised} bytes`, 'cut');
      }
      return Buffer.concat(chunks).toString('utf8');
    });
  } catch (error) {
    host.signal.throwIfAborted();
    return failureOf(url, error, stallMs);
  }
}
