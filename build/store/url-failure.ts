import { StalledError } from './without-stall.ts';

/** How long to bear with a server. */
export interface Patience {
  readonly attempts: number;
  /** Wait before the second attempt; doubled for each further one. */
  readonly backOffMs: number;
  /** Longest time without a byte. */
  readonly stallMs: number;
}

export const defaultPatience: Patience = { attempts: 3, backOffMs: 1000, stallMs: 30_000 };

/**
 * - `unreachable`: nothing answered
 * - `cut`: came to an early end; more may come if asked again
 * - `busy`: the server says "not now"
 * - `refused`: final answer of a live server
 * - `mismatch`: other bytes than wanted
 */
export type FailureKind = 'unreachable' | 'cut' | 'busy' | 'refused' | 'mismatch';

const retriedKinds: ReadonlySet<FailureKind> = new Set(['unreachable', 'cut', 'busy']);

/** Why one URL did not give the bytes. */
export class UrlFailure {
  readonly url: string;
  readonly reason: string;
  readonly kind: FailureKind;

  constructor(url: string, reason: string, kind: FailureKind) {
    this.url = url;
    this.reason = reason;
    this.kind = kind;
  }
}

export function isRetried({ kind }: UrlFailure): boolean {
  return retriedKinds.has(kind);
}

/** What a connection that failed says about the server. */
export function failureOf(url: string, error: unknown, stallMs: number): UrlFailure {
  if (error instanceof StalledError) {
    return new UrlFailure(url, `no bytes for ${stallMs / 1000} s`, 'unreachable');
  }
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  // The other side closed in the middle of the body.
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') {
    return new UrlFailure(url, 'the connection was cut', 'cut');
  }
  return new UrlFailure(url, reasons[code ?? ''] ?? (message || 'the connection failed'), 'unreachable');
}

const reasons: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the server name is not known',
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the server name is not known',
};
