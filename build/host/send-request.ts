import type { HttpReply } from './build-host.ts';

export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Blob;
}

/** An HTTP request of any kind, redirects not followed; obeys `signal`. Throws the cause (connection refused, …) unwrapped. */
export async function sendRequest(signal: AbortSignal, request: OutgoingRequest): Promise<HttpReply> {
  const { method, url, headers, body } = request;
  const response = await fetch(url, {
    method,
    headers: { ...headers, 'accept-encoding': 'identity' },
    redirect: 'manual',
    signal,
    ...(body === undefined ? {} : { body }),
  }).catch((error: { cause?: unknown }) => {
    throw error.cause ?? error;
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: response.body ?? noBytes(),
  };
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
