import { connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';

/**
 * What a kubelet says to an engine, in as little as a test needs: one call of gRPC over HTTP/2
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), messages of Protocol Buffers
 * (https://protobuf.dev/programming-guides/encoding/) by the numbers of their fields.
 */
export type Message = readonly (readonly [field: number, value: string | number | boolean | Message])[];

/** Strings are bytes, too; a field that is a message is read by `readMessage` again. */
export type ReadMessage = ReadonlyMap<number, readonly (number | Buffer)[]>;

/** `method` is such as `/runtime.v1.RuntimeService/Version`. Throws what the server says is wrong. */
export async function callGrpc(
  connection: Duplex,
  method: string,
  request: Message,
  deadlineMs: number,
): Promise<ReadMessage> {
  const session = connect('http://localhost', { createConnection: () => connection });
  try {
    const body = await new Promise<Buffer>((resolve, reject) => {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: method,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        te: 'trailers',
      });
      const parts: Buffer[] = [];
      let fault: string | undefined;
      const listen = (headers: Record<string, unknown>) => {
        const status = headers['grpc-status'];
        if (status === undefined || status === '0') return;
        fault = `${method}: ${decodeURIComponent(String(headers['grpc-message']))} (status ${String(status)})`;
      };
      session.once('error', reject);
      stream.once('error', reject);
      stream.on('response', listen);
      stream.on('trailers', listen);
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.once('end', () =>
        fault === undefined ? resolve(Buffer.concat(parts)) : reject(new Error(fault)),
      );
      stream.setTimeout(deadlineMs, () => reject(new Error(`${method}: no answer in ${deadlineMs} ms`)));
      const message = writeMessage(request);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([head, message]));
    });
    return readMessage(body.subarray(5));
  } finally {
    session.destroy();
  }
}

function writeMessage(message: Message): Buffer {
  return Buffer.concat(
    message.map(([field, value]) => {
      if (typeof value === 'number' || typeof value === 'boolean') {
        return Buffer.concat([writeNumber(field << 3), writeNumber(Number(value))]);
      }
      const bytes = typeof value === 'string' ? Buffer.from(value) : writeMessage(value);
      return Buffer.concat([writeNumber((field << 3) | 2), writeNumber(bytes.length), bytes]);
    }),
  );
}

/** A varint: seven bits to a byte, the lowest first. */
function writeNumber(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

export function readMessage(bytes: Buffer): ReadMessage {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const readNumber = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const readValue = (wireType: number): number | Buffer => {
    if (wireType === 0) return readNumber();
    if (wireType !== 2) throw new Error(`a field of wire type ${wireType}`);
    const length = readNumber();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = readNumber();
    const field = Math.floor(tag / 8);
    fields.set(field, [...(fields.get(field) ?? []), readValue(tag % 8)]);
  }
  return fields;
}

export function textOf(message: ReadMessage, field: number): string {
  return String(message.get(field)?.[0] ?? '');
}

export function messagesOf(message: ReadMessage, field: number): readonly ReadMessage[] {
  return (message.get(field) ?? []).filter((value) => typeof value !== 'number').map(readMessage);
}
