import type { Duplex } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import { waitFor } from './wait-for.ts';

export interface GuestResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is started. */
export interface GuestSession {
  /** A terminal of that size; standard output and error are one then. */
  readonly terminal?: { readonly rows: number; readonly cols: number };
  /** Variables that the client asks the server to set. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface GuestAddress {
  readonly port: number;
  readonly user: string;
  readonly privateKey: string;
  /** Socket of an agent that is forwarded. */
  readonly agent?: string;
}

/** A row of `keelctl ps --json`. */
export interface GuestService {
  readonly name: string;
  readonly state: string;
  readonly pid?: number | null;
  readonly restarts?: number;
}

const connectDeadlineMs = 8000;

/** The machine inside QEMU, over SSH. */
export class Guest {
  readonly #address: () => GuestAddress;
  #connection: NodeSSH | undefined;

  constructor(address: () => GuestAddress) {
    this.#address = address;
  }

  /** Until a command can be run; false connections (the port answers before sshd does) do not count. */
  async waitUntilReachable(deadlineMs = 180_000): Promise<void> {
    const wait = { what: 'a login over SSH', deadlineMs };
    await waitFor(async () => {
      this.disconnect();
      return (await this.try('true')).exitCode === 0;
    }, wait);
  }

  /** Whatever it answers. */
  async try(command: string, { terminal, environment }: GuestSession = {}): Promise<GuestResult> {
    const connection = await this.#connect();
    const { code, stdout, stderr } = await connection.execCommand(command, {
      execOptions: {
        ...(terminal === undefined ? {} : { pty: terminal }),
        ...(environment === undefined ? {} : { env: { ...environment } }),
      },
    });
    return { exitCode: code ?? 255, stdout, stderr };
  }

  /** Standard output of a command that must succeed, without the last newline. */
  async run(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(command);
    if (exitCode !== 0)
      throw new Error(`on the machine: ${command}: exit code ${exitCode}: ${stderr || stdout}`);
    return stdout.trimEnd();
  }

  /** As scp copies it. */
  async copyTo(localPath: string, path: string): Promise<void> {
    await (await this.#connect()).putFile(localPath, path);
  }

  /** A connection to a Unix socket on the machine, as `ssh -L` makes it. */
  async openSocket(path: string): Promise<Duplex> {
    const { connection } = await this.#connect();
    return new Promise((resolve, reject) => {
      if (connection === null) throw new Error('the login is gone');
      connection.openssh_forwardOutStreamLocal(path, (error, stream) =>
        error === undefined || error === null ? resolve(stream) : reject(error),
      );
    });
  }

  /** The same machine, by connections that forward an agent. */
  withAgent(agent: string): Guest {
    return new Guest(() => ({ ...this.#address(), agent }));
  }

  async services(): Promise<readonly GuestService[]> {
    const answer = JSON.parse(await this.run('keelctl ps --json')) as
      | readonly GuestService[]
      | { readonly services: readonly GuestService[] };
    return 'services' in answer ? answer.services : answer;
  }

  async service(name: string): Promise<GuestService> {
    const services = await this.services();
    const found = services.find((service) => service.name === name);
    if (found === undefined) {
      throw new Error(`keelctl ps shows no ${name}: ${services.map((service) => service.name).join(', ')}`);
    }
    return found;
  }

  /** Another value after each boot. */
  bootId(): Promise<string> {
    return this.run('cat /proc/sys/kernel/random/boot_id');
  }

  /** The machine restarts: until it answers in another boot than that one. */
  async waitForOtherBoot(bootId: string, deadlineMs: number): Promise<void> {
    await waitFor(
      async () => {
        // The connection may be one that nobody ended.
        this.disconnect();
        return (await this.bootId()) !== bootId;
      },
      { what: 'another boot', deadlineMs },
    );
  }

  disconnect(): void {
    this.#connection?.dispose();
    this.#connection = undefined;
  }

  async #connect(): Promise<NodeSSH> {
    if (this.#connection?.isConnected()) return this.#connection;
    const { port, user, privateKey, agent } = this.#address();
    const connection = new NodeSSH();
    await connection.connect({
      host: '127.0.0.1',
      port,
      username: user,
      privateKey,
      ...(agent === undefined ? {} : { agent, agentForward: true }),
      readyTimeout: connectDeadlineMs,
    });
    // A connection that breaks while nobody uses it is no error.
    connection.connection?.on('error', () => {});
    this.#connection = connection;
    return connection;
  }
}
