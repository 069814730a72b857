import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeLoginKey } from '../../build/qemu/login-key.ts';
import { type MachineFiles, makeMachineFiles, otherFolders } from '../../build/qemu/machine-files.ts';
import { type RunningMachine, startMachine } from '../../build/qemu/start-machine.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { Guest } from '../support/guest.ts';

/** One key for all machines of a run. */
export const loginKey = makeLoginKey('keelson-torture');

/** A machine at rest, from which any number of machines begin: nothing of it is ever written to. */
export interface Beginning {
  /** Raw. */
  readonly diskPath: string;
  /** The firmware's own; fresh ones when left out. */
  readonly variablesPath?: string;
  /** Memory and devices, of one that was running. */
  readonly savedStatePath?: string;
  readonly diskSizeBytes?: number;
}

/** A machine whose power can go at any time, and whose writes can be watched. */
export interface TorturedMachine {
  readonly folder: string;
  readonly files: MachineFiles;
  readonly guest: Guest;
  readonly writeLogPath: string;
  running(): RunningMachine | undefined;
  powerOn(): Promise<void>;
  cutPower(): Promise<void>;
  serialLog(): Promise<string>;
  /** A raw copy of its disk; the machine must be off. */
  copyDisk(path: string): Promise<void>;
  remove(): Promise<void>;
}

export async function makeTorturedMachine(
  workshop: Workshop,
  folder: string,
  seedPath: string,
  beginning: Beginning,
): Promise<TorturedMachine> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { diskPath: baseDiskPath, diskSizeBytes } = beginning;
  const files = await makeMachineFiles(workshop, {
    architecture: 'x86-64',
    folder,
    baseDiskPath,
    ...(diskSizeBytes === undefined ? {} : { diskSizeBytes }),
  });
  if (beginning.variablesPath !== undefined) await copyFile(beginning.variablesPath, files.variablesPath);
  const writeLogPath = join(folder, 'writes.log');
  let savedStatePath = beginning.savedStatePath;
  let machine: RunningMachine | undefined;
  const guest = new Guest(() => {
    if (machine === undefined) throw new Error('the machine is off');
    return { port: machine.portOf(22), user: 'root', privateKey: loginKey.privateKey };
  });
  const cutPower = async () => {
    guest.disconnect();
    await machine?.cutPower();
    machine = undefined;
  };
  return {
    folder,
    files,
    guest,
    writeLogPath,
    running: () => machine,
    powerOn: async () => {
      const saved = savedStatePath === undefined ? {} : { savedStatePath };
      // What was saved fits the disk once only.
      savedStatePath = undefined;
      // One processor: a cycle takes a tenth less of the computer's than with two, and many run side by side.
      machine = await startMachine(workshop, { files, seedPath, writeLogPath, cpus: 1, ...saved });
    },
    cutPower,
    serialLog: () => readFile(join(folder, 'serial.log'), 'utf8').catch(() => ''),
    copyDisk: async (path) => {
      const tools = await workshop.openTools('image');
      await tools.run({
        file: '/usr/bin/qemu-img',
        arguments: ['convert', '-q', '-f', 'qcow2', '-O', 'raw', files.diskPath, path],
        writable: [folder, join(path, '..')],
        readOnly: otherFolders(folder, [baseDiskPath]),
      });
    },
    remove: async () => {
      await cutPower();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
