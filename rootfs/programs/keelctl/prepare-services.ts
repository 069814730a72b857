import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { applyChoice, findChoice } from '../shared/consoles.ts';
import { outputPipes } from '../shared/output-pipes.ts';
import { CommandFailed, type KeelctlCommand } from './command.ts';
import { readEngine } from './engine.ts';
import { limitTiers, noteDiskNumber } from './limit-tiers.ts';

/** Called once at each boot, when state is mounted: crun does not make the folders that it binds. */
export const prepareServices: KeelctlCommand = {
  usage: 'prepare-services',
  summary:
    'make what services keep on state and their control groups, ask for health checks, choose the console',
  audience: 'internal',
  operands: [0, 0],
  run(device) {
    const engine = readEngine(device);
    const { services, hasLog } = engine;
    if (hasLog === true) makePipes(device, services);
    device.makeFolder(`${machineLayout.state}/events`, 0o700);
    // finit's condition for `keelctl watch-health`.
    if (services.some(({ health }) => health !== undefined)) device.writeFile('/dev/health-checks', '');
    // The same for `tell-workloads` of the layer `updates`.
    if (services.some(({ workloads }) => workloads !== undefined)) device.writeFile('/dev/workloads', '');
    noteDiskNumber(device);
    const choice = findChoice(device, engine);
    if (choice !== undefined) applyChoice(device, engine, choice.name);
    const folders = services.flatMap(({ stateFolders }) => stateFolders);
    const faults = [
      ...limitTiers(device, services),
      ...folders.flatMap((folder) => makeStateFolder(device, folder)),
    ];
    if (faults.length > 0) throw new CommandFailed(faults.join('\n'));
    return 0;
  },
};

/** For what each service says; a named pipe each, which run-service opens, and the log service. */
function makePipes(device: Device, services: EngineFile['services']): void {
  const pipes = services.flatMap(({ name }) => outputPipes(name).map(({ path }) => path));
  const missing = pipes.filter((path) => device.status(path) === undefined);
  if (missing.length > 0) device.run(['mkfifo', '-m', '0666', ...missing]);
}

interface StateFolder {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly content?: string;
}

/** Gives what went wrong: one folder that cannot be made must not keep other services from starting. */
function makeStateFolder(device: Device, folder: StateFolder): readonly string[] {
  const { path, uid, gid, mode, content } = folder;
  try {
    const found = device.status(path);
    if (found === undefined && content !== undefined) copyWhole(device, content, path);
    if (found?.type === 'folder' && found.uid === uid && found.gid === gid && found.mode === mode) return [];
    device.makeFolder(path, mode);
    const commands = [
      ['chown', `${uid}:${gid}`, path],
      // After chown, which clears set-user-ID bits; and mkdir was subject to the umask.
      ['chmod', mode.toString(8), path],
    ];
    return commands
      .map((command) => device.run(command))
      .filter(({ exitCode }) => exitCode !== 0)
      .map(({ stderr }) => `Cannot prepare ${path}: ${stderr.trim()}`);
  } catch (error) {
    return [`Cannot prepare ${path}: ${(error as Error).message}`];
  }
}

/** There whole or not at all, whatever moment the power goes. No service's folder is called so: see `serviceStatePath`. */
function copyWhole(device: Device, source: string, path: string): void {
  const parent = path.slice(0, path.lastIndexOf('/'));
  const aside = `${parent}/-new`;
  device.makeFolder(parent);
  for (const command of [
    ['rm', '-rf', aside],
    ['busybox', 'cp', '-a', source, aside],
    ['sync', '-f', parent],
  ]) {
    const { exitCode, stderr } = device.run(command);
    if (exitCode !== 0) throw new Error(stderr.trim());
  }
  device.rename(aside, path);
}
