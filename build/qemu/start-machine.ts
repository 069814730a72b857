import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type BackgroundProcess, type ProcessEnd, startInBackground } from '../host/background-process.ts';
import type { Workshop } from '../tools/workshop.ts';
import { type Cable, type DiskBus, machineArguments, machineModels } from './machine-arguments.ts';
import { type MachineFiles, otherFolders } from './machine-files.ts';
import { listenForQmp, type QmpClient, type QmpListener } from './qmp-client.ts';

export interface MachineOptions {
  readonly files: MachineFiles;
  readonly seedPath?: string;
  readonly memoryMiB?: number;
  readonly cpus?: number;
  readonly diskBus?: DiskBus;
  /** TCP ports of the guest to be reached from this computer; 22 when left out. */
  readonly guestPorts?: readonly number[];
  /** The serial line is on the terminal too. */
  readonly hasTerminal?: boolean;
  /** A raw disk that is plugged in; only ever read. */
  readonly mediumPath?: string;
  /** The machine has no network but the ports at which it is reached. */
  readonly isIsolated?: boolean;
  /** To one other machine. */
  readonly cable?: Cable;
  /** Firmware that checks signatures. */
  readonly hasSecureBoot?: boolean;
  /** Every write to the disk is put down there, as dm-log-writes does it. */
  readonly writeLogPath?: string;
  /** A machine that `saveState` wrote there goes on; its disk must be as it was then. */
  readonly savedStatePath?: string;
}

/** A machine that has power. Disposing of it takes the power away. */
export interface RunningMachine extends AsyncDisposable {
  /** Port of 127.0.0.1 that leads to `guestPort`. */
  portOf(guestPort: number): number;
  /** All that the serial line said since the power came on. */
  readonly serialLogPath: string;
  /** Settles when the power is off, whoever did it. */
  readonly ended: Promise<ProcessEnd>;
  /** The power button: the guest is asked to shut down. */
  pressPowerButton(): Promise<void>;
  /** The reset button: the guest is not asked. */
  reset(): Promise<void>;
  /** What the guest did not flush is lost. */
  cutPower(): Promise<void>;
  /** Memory and devices go to a file, and the power is off: the disk stays as it was in that moment. */
  saveState(path: string): Promise<void>;
  /** From now on the power goes off where the guest restarts. */
  endAtRestart(): Promise<void>;
}

const defaults = { memoryMiB: 512, cpus: 2, diskBus: 'virtio-blk', guestPorts: [22] } as const;

/** Starts QEMU with UEFI firmware from the architecture's tools tree; comes back when the machine runs. */
export async function startMachine(workshop: Workshop, options: MachineOptions): Promise<RunningMachine> {
  const { files, hasTerminal = false, guestPorts = defaults.guestPorts } = options;
  const model = machineModels[files.architecture];
  const tools = await workshop.openTools(model.toolset);
  // A folder of its own: paths of sockets must be short.
  const { writeLogPath, savedStatePath } = options;
  if (writeLogPath !== undefined) await writeFile(writeLogPath, '');
  const socketFolder = await mkdtemp(join(tmpdir(), 'keelson-'));
  const qmpSocketPath = join(socketFolder, 'control');
  const serialLogPath = join(files.folder, 'serial.log');
  const listener = await listenForQmp(qmpSocketPath);
  const command = tools.commandLine({
    file: model.program,
    arguments: machineArguments({
      architecture: files.architecture,
      memoryMiB: options.memoryMiB ?? defaults.memoryMiB,
      cpus: options.cpus ?? defaults.cpus,
      diskPath: files.diskPath,
      diskFormat: 'qcow2',
      diskBus: options.diskBus ?? defaults.diskBus,
      variablesPath: files.variablesPath,
      ...(options.seedPath === undefined ? {} : { seedPath: options.seedPath }),
      ...(options.mediumPath === undefined ? {} : { mediumPath: options.mediumPath }),
      qmpSocketPath,
      serialLogPath,
      hasTerminal,
      guestPorts,
      isIsolated: options.isIsolated === true,
      ...(options.cable === undefined ? {} : { cable: options.cable }),
      hasSecureBoot: options.hasSecureBoot === true,
      ...(writeLogPath === undefined ? {} : { writeLogPath }),
      ...(savedStatePath === undefined ? {} : { savedStatePath }),
    }),
    writable: [
      ...new Set([
        files.folder,
        socketFolder,
        ...[writeLogPath, options.cable?.socketPath].flatMap((path) =>
          path === undefined ? [] : [dirname(path)],
        ),
      ]),
    ],
    readOnly: otherFolders(
      files.folder,
      [files.baseDiskPath, options.seedPath, options.mediumPath, savedStatePath].filter(
        (path) => path !== undefined,
      ),
    ),
    hasNetwork: true,
  });
  const process = startInBackground(command, {
    signal: workshop.host.signal,
    stdio: hasTerminal ? 'inherit' : 'quiet',
  });
  const ended = process.ended.finally(async () => {
    listener.close();
    await rm(socketFolder, { recursive: true, force: true });
  });
  try {
    const control = await connect(process, listener);
    const ports = readForwards(await runMonitorCommand(control, 'info usernet'));
    return runningMachine({ process, ended, control, ports, serialLogPath });
  } catch (error) {
    process.kill('SIGKILL');
    await ended;
    throw error;
  }
}

/** QEMU's connection, or the reason why it ended before it made one. */
async function connect(process: BackgroundProcess, listener: QmpListener): Promise<QmpClient> {
  const failed = process.ended.then((end) => {
    const reason = process.lastErrors() || end.reason || `it ended with code ${end.exitCode}`;
    throw new KeelsonError({
      code: 'MACHINE_UNSTARTABLE',
      class: 'environment',
      message: `Cannot start the machine: ${reason}`,
      hint: 'run `keelson doctor`: it says what of this computer does not suit',
    });
  });
  return Promise.race([listener.connected, failed]);
}

async function runMonitorCommand(control: QmpClient, line: string): Promise<string> {
  return String(await control.execute('human-monitor-command', { 'command-line': line }));
}

/** From the table of `info usernet`: host port by guest port. */
export function readForwards(table: string): ReadonlyMap<number, number> {
  const rows = table.matchAll(/TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/g);
  return new Map([...rows].map(([, hostPort, guestPort]) => [Number(guestPort), Number(hostPort)]));
}

function runningMachine(parts: {
  readonly process: BackgroundProcess;
  readonly ended: Promise<ProcessEnd>;
  readonly control: QmpClient;
  readonly ports: ReadonlyMap<number, number>;
  readonly serialLogPath: string;
}): RunningMachine {
  const { process, ended, control, ports, serialLogPath } = parts;
  const cutPower = async (): Promise<void> => {
    process.kill('SIGKILL');
    await ended;
  };
  return {
    portOf: (guestPort) => {
      const port = ports.get(guestPort);
      if (port === undefined) throw new Error(`guest port ${guestPort} is not forwarded`);
      return port;
    },
    serialLogPath,
    ended,
    pressPowerButton: async () => {
      await control.execute('system_powerdown');
    },
    reset: async () => {
      await control.execute('system_reset');
    },
    cutPower,
    saveState: async (path) => {
      await control.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 34 });
      await control.execute('migrate', { uri: `file:${path}` });
      for (let status = 'active'; status !== 'completed'; ) {
        status = String(((await control.execute('query-migrate')) as { status?: string }).status);
        if (status === 'failed') throw new Error('the machine could not be saved');
      }
      // It may be gone before it has answered.
      await control.execute('quit').catch(() => {});
      await ended;
    },
    endAtRestart: async () => {
      await control.execute('set-action', { reboot: 'shutdown' });
    },
    [Symbol.asyncDispose]: cutPower,
  };
}
