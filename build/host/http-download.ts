import type { IncomingMessage } from 'node:http';
import type { HttpReply } from './build-host.ts';

const maxRedirects = 5;

/**
 * A connection that is used again may be one that the server is just closing, and the request would be lost; so each
 * has its own. Proxies are those of HTTP_PROXY and its like.
 */
function openClients() {
  // `import` would ask these modules for all they have, which loads all of Node's fetch: a tenth of a second of every start.
  const plain = process.getBuiltinModule('node:http');
  const secure = process.getBuiltinModule('node:https');
  const options = { keepAlive: false, proxyEnv: process.env };
  return {
    plain: { get: plain.get, agent: new plain.Agent(options) },
    secure: { get: secure.get, agent: new secure.Agent(options) },
  };
}

let clients: ReturnType<typeof openClients> | undefined;

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
  clients ??= openClients();
  const { get, agent } = address.protocol === 'https:' ? clients.secure : clients.plain;
  return new Promise((resolve, reject) => {
    get(address, { headers, signal, agent }, resolve).on('error', reject);
  });
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}
