import { get as getPlain, type IncomingMessage, Agent as PlainAgent } from 'node:http';
import { get as getSecure, Agent as SecureAgent } from 'node:https';
import type { HttpReply } from './build-host.ts';

const maxRedirects = 5;

/**
 * A connection that is used again may be one that the server is just closing, and the request would be lost; so each
 * has its own. Proxies are those of HTTP_PROXY and its like.
 */
const agents = {
  plain: new PlainAgent({ keepAlive: false, proxyEnv: process.env }),
  secure: new SecureAgent({ keepAlive: false, proxyEnv: process.env }),
};

/**
 * GETs a URL, following redirects. Not with `fetch`: a server that closes in the middle of a body can end the whole
 * process there (an assertion of undici outside of any promise). The connection of a reply whose body is not read to
 * its end lives until `signal` aborts.
 */
export async function httpDownload(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpReply> {
  let address = new URL(url);
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await open(address, headers, signal);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
      return { status, headers: plainHeaders(response), body: response };
    }
    response.destroy();
    address = new URL(location, address);
  }
  throw new Error(`it redirects more than ${maxRedirects} times`);
}

function open(
  address: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request =
      address.protocol === 'https:'
        ? getSecure(address, { headers, signal, agent: agents.secure }, resolve)
        : getPlain(address, { headers, signal, agent: agents.plain }, resolve);
    request.on('error', reject);
  });
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}
