import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Workshop } from '../tools/workshop.ts';
import { findLogin, type Login } from './login-key-files.ts';
import { type MachineFiles, machineFilesIn, makeMachineFiles } from './machine-files.ts';
import { makeSeed } from './make-seed.ts';
import { type RunningMachine, startMachine } from './start-machine.ts';

export interface RunMachineOptions {
  /** A raw disk image; only ever read. */
  readonly diskPath: string;
  readonly memoryMiB: number;
  /** Keeps the machine's own disk between runs; a fresh machine each time when left out. */
  readonly folder?: string;
  /** File with the public key that may log in; the user's own, or else a fresh one, when left out. */
  readonly publicKeyFile?: string;
  /** TCP ports of services; each is reached at a free port of this computer, which is told. */
  readonly services: readonly { readonly name: string; readonly port: number }[];
  readonly writeLine: (line: string) => void;
}

/** Boots a disk image with the terminal as its serial console; comes back with an exit code when the power is off. */
export async function runMachine(workshop: Workshop, options: RunMachineOptions): Promise<number> {
  const isKept = options.folder !== undefined;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'keelson-machine-')));
  try {
    await mkdir(folder, { recursive: true });
    const files = await openMachineFiles(workshop, folder, options);
    const login = await findLogin(workshop.host, folder, options.publicKeyFile);
    const seedPath = await makeSeed(workshop, {
      folder: join(folder, 'seed'),
      userData: runUserData(login.publicKey),
      metaData: 'instance-id: keelson-run\n',
    });
    const guestPorts = [...new Set([22, ...options.services.map(({ port }) => port)])];
    const machineOptions = { files, seedPath, memoryMiB: options.memoryMiB, guestPorts };
    return await runOnTerminal(workshop, machineOptions, (machine) => {
      for (const line of introduction(machine.portOf(22), login)) options.writeLine(line);
      for (const { name, port } of options.services.filter(({ port }) => port !== 22)) {
        options.writeLine(`${name}: port ${port} of the machine is 127.0.0.1:${machine.portOf(port)} here`);
      }
    });
  } finally {
    if (!isKept) await rm(folder, { recursive: true, force: true });
  }
}

async function openMachineFiles(
  workshop: Workshop,
  folder: string,
  options: RunMachineOptions,
): Promise<MachineFiles> {
  if (options.folder === undefined) {
    return makeMachineFiles(workshop, { folder, baseDiskPath: options.diskPath });
  }
  const kept = machineFilesIn(folder);
  const isThere = await access(kept.diskPath).then(
    () => true,
    () => false,
  );
  if (isThere) {
    options.writeLine(
      `The machine in ${folder} goes on with the disk it has; remove the folder for a new one.`,
    );
    return kept;
  }
  return makeMachineFiles(workshop, { folder, baseDiskPath: options.diskPath, kind: 'copy' });
}

/** cloud-config of a machine of one's own. */
export function runUserData(publicKey: string): string {
  return `#cloud-config\nssh_authorized_keys:\n  - ${JSON.stringify(publicKey)}\n`;
}

/** What the user is told when the machine starts. */
export function introduction(port: number, login: Login): string[] {
  const identity = login.privateKeyPath === undefined ? '' : ` -i ${login.privateKeyPath}`;
  // Each fresh machine has fresh host keys, so there is nothing to compare them with.
  const noKnownHosts = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null';
  return [
    "This terminal is the machine's serial console: Ctrl-A X takes its power away.",
    `Log in with: ssh -p ${port}${identity} ${noKnownHosts} root@127.0.0.1`,
  ];
}

async function runOnTerminal(
  workshop: Workshop,
  machineOptions: { files: MachineFiles; seedPath: string; memoryMiB: number; guestPorts: readonly number[] },
  onStart: (machine: Pick<RunningMachine, 'portOf'>) => void,
): Promise<number> {
  const restoreTerminal = holdTerminal();
  try {
    await using machine = await startMachine(workshop, { ...machineOptions, hasTerminal: true });
    onStart(machine);
    const end = await machine.ended;
    return end.exitCode ?? 1;
  } finally {
    restoreTerminal();
  }
}

/**
 * QEMU makes the terminal raw, and cannot put it back when it is killed: Node notes the settings now and puts them
 * back at the end.
 */
function holdTerminal(): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  stdin.setRawMode(true);
  return () => {
    stdin.setRawMode(false);
    stdin.unref();
  };
}
