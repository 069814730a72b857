import { openAsBlob } from 'node:fs';
import { AwsV4Signer } from 'aws4fetch';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { sendRequest } from '../host/send-request.ts';
import { digestOf } from '../store/canonical-json.ts';
import {
  cacheControl,
  contentType,
  type Destination,
  type FileKind,
  type PublishedContent,
} from './destination.ts';
import { tooLarge, unreadable, unwritable } from './destination-error.ts';

/** One PUT takes no more, and no bundle comes near it. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const largestFileBytes = 5 * 1024 ** 3;

/**
 * A bucket of Amazon S3 or of anything that speaks its protocol. A PUT shows the whole new object or leaves the old one. The
 * server is told the digest of what it gets and refuses anything else. Credentials come from AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; AWS_ENDPOINT_URL and AWS_REGION stand for what the URL does not say.
 */
export function s3Destination(host: BuildHost, url: URL): Destination {
  const bucket = url.hostname;
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  const region = url.searchParams.get('region') ?? host.environmentVariable('AWS_REGION') ?? 'us-east-1';
  const endpoint = url.searchParams.get('endpoint') ?? host.environmentVariable('AWS_ENDPOINT_URL');
  // Other servers rarely have a name for each bucket.
  const base =
    endpoint === undefined
      ? `https://${bucket}.s3.${region}.amazonaws.com`
      : `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  const name = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
  const at = (path: string) =>
    `${base}/${[...prefix.split('/'), ...path.split('/')]
      .filter((part) => part !== '')
      .map(encodeURIComponent)
      .join('/')}`;

  const send = async (
    method: 'GET' | 'HEAD' | 'PUT',
    path: string,
    upload?: { readonly body: Blob; readonly sha256: string; readonly headers: Record<string, string> },
  ) => {
    const signer = new AwsV4Signer({
      ...credentials(host),
      service: 's3',
      region,
      method,
      url: at(path),
      headers: { ...upload?.headers, 'x-amz-content-sha256': upload?.sha256 ?? digestOf('') },
      datetime: `${new Date(host.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`,
    });
    const signed = await signer.sign();
    return sendRequest(host.signal, {
      method,
      url: signed.url.toString(),
      headers: Object.fromEntries(signed.headers),
      ...(upload === undefined ? {} : { body: upload.body }),
    });
  };

  return {
    name,
    async read(path, limitBytes) {
      try {
        const reply = await send('GET', path);
        if (reply.status === 404) return undefined;
        if (reply.status !== 200) throw new Error(await refusalOf(reply.status, reply.body));
        return await collect(reply.body, limitBytes);
      } catch (cause) {
        throw asKeelson(cause) ?? unreadable(name, path, cause, true);
      }
    },
    async sizeOf(path) {
      try {
        const reply = await send('HEAD', path);
        if (reply.status === 404) return undefined;
        if (reply.status !== 200) throw new Error(await refusalOf(reply.status, reply.body));
        return Number(reply.headers['content-length'] ?? Number.NaN);
      } catch (cause) {
        throw asKeelson(cause) ?? unreadable(name, path, cause, true);
      }
    },
    async write(path, content, kind) {
      try {
        const reply = await send('PUT', path, await uploadOf(path, content, kind));
        if (reply.status !== 200) throw new Error(await refusalOf(reply.status, reply.body));
      } catch (cause) {
        throw asKeelson(cause) ?? unwritable(name, path, cause, true);
      }
    },
    close: async () => {},
  };
}

async function uploadOf(path: string, content: PublishedContent, kind: FileKind) {
  const headers = { 'cache-control': cacheControl[kind], 'content-type': contentType(path) };
  if ('bytes' in content) {
    return { headers, body: new Blob([new Uint8Array(content.bytes)]), sha256: digestOf(content.bytes) };
  }
  if (content.sizeBytes > largestFileBytes) throw tooLarge(largestFileBytes);
  return { headers, body: await openAsBlob(content.file), sha256: content.sha256 };
}

function credentials(host: BuildHost) {
  const accessKeyId = host.environmentVariable('AWS_ACCESS_KEY_ID') ?? '';
  const secretAccessKey = host.environmentVariable('AWS_SECRET_ACCESS_KEY') ?? '';
  const sessionToken = host.environmentVariable('AWS_SESSION_TOKEN') ?? '';
  if (accessKeyId === '' || secretAccessKey === '') {
    throw new KeelsonError({
      code: 'CREDENTIALS_ABSENT',
      class: 'input',
      message: 'Cannot sign in to the bucket: there are no credentials',
      hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    });
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) };
}

async function collect(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** S3 answers in XML: `<Code>AccessDenied</Code><Message>…`. */
async function refusalOf(status: number, body: AsyncIterable<Uint8Array>): Promise<string> {
  const text = (await collect(body, 64 * 1024).catch(() => Buffer.alloc(0))).toString();
  const code = /<Code>([\w.-]{1,80})<\/Code>/.exec(text)?.[1];
  return code === undefined ? `status ${status}` : `status ${status}, ${code}`;
}

function asKeelson(cause: unknown): KeelsonError | undefined {
  return cause instanceof KeelsonError ? cause : undefined;
}
