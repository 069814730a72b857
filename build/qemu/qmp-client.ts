import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** QEMU Machine Protocol, https://www.qemu.org/docs/master/interop/qmp-spec.html: one JSON object a line. */
export interface QmpClient {
  execute(command: string, commandArguments?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): void;
}

export interface QmpListener {
  /** Settles when QEMU has connected and left the negotiation mode. */
  readonly connected: Promise<QmpClient>;
  close(): void;
}

/** Listens where QEMU will connect to. */
export async function listenForQmp(socketPath: string): Promise<QmpListener> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const connected = acceptOne(server);
  connected.catch(() => {});
  return { connected, close: () => server.close() };
}

async function acceptOne(server: Server): Promise<QmpClient> {
  const socket = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  server.close();
  const client = new LineClient(socket);
  await client.execute('qmp_capabilities');
  return client;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class LineClient implements QmpClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface({ input: socket }).on('line', (line) => this.#answer(line));
    // The interface passes the socket's errors on; a machine whose power is cut resets its connection.
    lines.on('error', () => {});
    socket.on('error', () => {});
    socket.on('close', () => this.#fail(new Error('the machine is gone')));
  }

  execute(command: string, commandArguments: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the machine is gone'));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer(line: string): void {
    const message = JSON.parse(line) as { id?: number; return?: unknown; error?: { desc?: string } };
    // The greeting and events have no id.
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (message.id === undefined || waiting === undefined) return;
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting.resolve(message.return);
    else waiting.reject(new Error(message.error.desc ?? 'unknown error of QEMU'));
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
