import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeLoginKey } from '../../build/qemu/login-key.ts';
import type { Cable, DiskBus } from '../../build/qemu/machine-arguments.ts';
import { type MachineFiles, makeMachineFiles } from '../../build/qemu/machine-files.ts';
import { makeSeed } from '../../build/qemu/make-seed.ts';
import { type RunningMachine, startMachine } from '../../build/qemu/start-machine.ts';
import type { Architecture } from '../../build/recipe/recipe.ts';
import type { Workshop } from '../../build/tools/workshop.ts';
import { Guest } from './guest.ts';
import {
  artefactOf,
  type BuildReport,
  buildRecipe,
  isKept,
  openTestWorkshop,
  type SigningKeys,
  testOutputFolder,
} from './test-workshop.ts';
import { InVain, waitFor } from './wait-for.ts';

export interface MachineOptions {
  /** Of the recipe; `x86-64` when left out. */
  readonly architecture?: Architecture;
  /** Name of the test: its folder under out/qemu-tests. */
  readonly test: string;
  /** Name or folder; `minimal` when left out. */
  readonly recipe?: string;
  /** The whole user-data; one that lets root log in with the test's key when left out. */
  readonly userData?: (publicKey: string) => string;
  /** `false`: no seed at all. */
  readonly hasSeed?: boolean;
  readonly user?: string;
  readonly guestPorts?: readonly number[];
  readonly memoryMiB?: number;
  readonly diskSizeBytes?: number;
  readonly diskBus?: DiskBus;
  /** Keys that the image trusts; the tests' development keys when left out. */
  readonly keys?: SigningKeys;
  /** A raw disk image that is plugged in, as a stick on USB would be. */
  readonly mediumPath?: string;
  /** To one other machine; its folder must exist. */
  readonly cable?: Cable;
  /** The disk stays when the machine is disposed of. */
  readonly isKept?: boolean;
  /** What boots is signed, and the firmware checks it. */
  readonly hasSecureBoot?: boolean;
  /** Every write to the disk since the last time the power came on is put down in `writeLogPath`. */
  readonly hasWriteLog?: boolean;
}

export interface PowerOnConditions {
  /** The machine reaches nothing; it is still reached itself. */
  readonly isIsolated?: boolean;
}

/** A machine of a freshly built recipe, off until `powerOn`. */
export interface TestMachine {
  /** Writes what the machine can tell to files, and names them. */
  collectLogs(): Promise<readonly string[]>;
  /** Takes the power away and removes the disk, unless KEELSON_KEEP is 1. */
  dispose(): Promise<void>;
  readonly workshop: Workshop;
  readonly build: BuildReport;
  readonly files: MachineFiles;
  readonly writeLogPath: string;
  readonly guest: Guest;
  /** The same machine, logged in as another user. */
  guestAs(user: string): Guest;
  /** The machine while it has power. */
  running(): RunningMachine;
  powerOn(conditions?: PowerOnConditions): Promise<void>;
  /** Power on, and a login over SSH. */
  boot(conditions?: PowerOnConditions): Promise<void>;
  /** Until the machine has switched itself off. */
  waitUntilOff(deadlineMs?: number): Promise<void>;
  cutPower(): Promise<void>;
  serialLog(): Promise<string>;
  /** What the serial line said since the power came on, once it says `pattern`. */
  waitForSerial(pattern: RegExp, deadlineMs?: number): Promise<string>;
}

/** One key for all machines of a test run. */
const loginKey = makeLoginKey('keelson-test');

export const plainUserData = (publicKey: string): string =>
  `#cloud-config\nssh_authorized_keys:\n  - ${publicKey}\n`;

/** Builds the recipe (from the store, when nothing changed) and makes a machine of it, which the caller disposes of. */
export async function makeMachine(options: MachineOptions): Promise<TestMachine> {
  const { recipe = 'minimal', keys, hasSecureBoot = false } = options;
  const ownKeys = keys === undefined ? '' : `-${relative(testOutputFolder, keys.folder)}`;
  const imageName = `${recipe}${ownKeys}`.replaceAll('/', '-');
  const build = await buildRecipe(
    recipe,
    join(testOutputFolder, 'images', `${imageName}${hasSecureBoot ? '-signed' : ''}`),
    [...(hasSecureBoot ? ['--secure-boot'] : []), ...(keys?.options ?? [])],
    keys?.environment,
  );
  const folder = join(testOutputFolder, options.test);
  return makeMachineOf(await openTestWorkshop(), build, folder, options);
}

/** A machine of an image that was built; its folder is made anew. */
export async function makeMachineOf(
  workshop: Workshop,
  build: BuildReport,
  folder: string,
  options: Omit<MachineOptions, 'recipe' | 'keys'>,
): Promise<TestMachine> {
  const { architecture = 'x86-64', user = 'root', userData = plainUserData } = options;
  const hasSecureBoot = options.hasSecureBoot === true;
  await rm(folder, { recursive: true, force: true });
  const files = await makeMachineFiles(workshop, {
    architecture,
    folder: join(folder, 'machine'),
    baseDiskPath: artefactOf(build, 'disk', 'raw').path,
    ...(options.diskSizeBytes === undefined ? {} : { diskSizeBytes: options.diskSizeBytes }),
  });
  const seedPath =
    options.hasSeed === false
      ? undefined
      : await makeSeed(workshop, {
          folder: join(folder, 'seed'),
          userData: userData(loginKey.publicKey),
          metaData: `instance-id: ${options.test}\n`,
        });
  let machine: RunningMachine | undefined;
  let lastWords: string | undefined;
  const running = (): RunningMachine => {
    if (machine === undefined) throw new Error('the machine is off');
    return machine;
  };
  const address = (name: string) => {
    if (lastWords !== undefined) throw new InVain(`its QEMU has ended: ${lastWords}`);
    return { port: running().portOf(22), user: name, privateKey: loginKey.privateKey };
  };
  const guestAs = (name: string): Guest => new Guest(() => address(name));
  const guest = guestAs(user);
  const writeLogPath = join(folder, 'machine', 'writes.log');
  const powerOn = async ({ isIsolated = false }: PowerOnConditions = {}): Promise<void> => {
    lastWords = undefined;
    const started = await startMachine(workshop, {
      files,
      ...(seedPath === undefined ? {} : { seedPath }),
      isIsolated,
      hasSecureBoot,
      ...(options.hasWriteLog === true ? { writeLogPath } : {}),
      guestPorts: [22, ...(options.guestPorts ?? [])],
      ...(options.memoryMiB === undefined ? {} : { memoryMiB: options.memoryMiB }),
      ...(options.diskBus === undefined ? {} : { diskBus: options.diskBus }),
      ...(options.mediumPath === undefined ? {} : { mediumPath: options.mediumPath }),
      ...(options.cable === undefined ? {} : { cable: options.cable }),
    });
    machine = started;
    void started.ended.then(({ exitCode, reason }) => {
      if (machine === started) lastWords = reason ?? `exit code ${exitCode}`;
    });
  };
  const cutPower = async (): Promise<void> => {
    guest.disconnect();
    await machine?.cutPower();
    machine = undefined;
  };
  const serialLog = (): Promise<string> => readFile(join(files.folder, 'serial.log'), 'utf8').catch(() => '');
  const collectLogs = async (): Promise<readonly string[]> => {
    const logs = join(folder, 'guest-logs.txt');
    const isWritten = machine !== undefined && (await writeGuestLogs(guest, logs));
    return [join(files.folder, 'serial.log'), ...(isWritten ? [logs] : [])];
  };
  return {
    collectLogs,
    dispose: async () => {
      await cutPower();
      if (isKept || options.isKept === true) return;
      await rm(files.diskPath, { force: true });
      await rm(writeLogPath, { force: true });
    },
    workshop,
    build,
    files,
    writeLogPath,
    guest,
    guestAs,
    running,
    powerOn,
    boot: async (conditions) => {
      await powerOn(conditions);
      await guest.waitUntilReachable();
    },
    waitUntilOff: async (deadlineMs = 60_000) => {
      guest.disconnect();
      let isOff = false;
      void running().ended.then(() => {
        isOff = true;
      });
      await waitFor(async () => isOff, { what: 'the machine to switch itself off', deadlineMs });
      machine = undefined;
    },
    cutPower,
    serialLog,
    waitForSerial: (pattern, deadlineMs = 120_000) =>
      waitFor(
        async () => {
          const log = await serialLog();
          if (pattern.test(log)) return log;
          throw new Error(log.slice(-400));
        },
        { what: `"${pattern.source}" on the serial line`, deadlineMs },
      ),
  };
}

/** What the guest can still tell; `false` when it cannot be reached. */
async function writeGuestLogs(guest: Guest, path: string): Promise<boolean> {
  const commands = [
    'keelctl ps',
    'cat /run/keelson/*.json',
    'tail -n 3000 /var/lib/keelson/log/log*.jsonl /var/lib/keelson/events/*',
    'cat /proc/1/mounts',
    'dmesg',
  ];
  const answers: string[] = [];
  try {
    for (const command of commands) {
      const { stdout, stderr } = await guest.try(command);
      answers.push(`==== ${command}\n${stdout}\n${stderr}\n`);
    }
  } catch (error) {
    answers.push(`==== the machine could not be reached: ${(error as Error).message}\n`);
  }
  await writeFile(path, answers.join('\n'));
  return answers.length > 1;
}
