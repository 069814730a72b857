import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';

/** A container that sessions of root can land in. */
export interface Console {
  readonly name: string;
  readonly service: string;
  readonly description: string;
  readonly start: 'boot' | 'chosen';
}

/** Whose word counts, the strongest first. */
export type ChosenBy = 'person' | 'user-data' | 'recipe';

export interface ConsoleChoice {
  readonly name: string;
  readonly by: ChosenBy;
}

/** The first process of a console that is ready. */
export interface ReadyConsole {
  readonly pid: number;
  readonly shell: string;
}

export function listConsoles({ services }: EngineFile): readonly Console[] {
  return services.flatMap(({ name, description, console }) =>
    console === undefined ? [] : [{ name: console.name, service: name, description, start: console.start }],
  );
}

/**
 * What a person said, else user-data, else the recipe; of these the first that this version has: another one may have more
 * consoles or fewer. `undefined`: it has none.
 */
export function findChoice(device: Device, engine: EngineFile): ConsoleChoice | undefined {
  const wishes: readonly (readonly [ChosenBy, string | undefined])[] = [
    ['person', readName(device, machineLayout.consoleChoice)],
    ['user-data', readName(device, machineLayout.provisionFile)],
    ['recipe', engine.console],
  ];
  const names = listConsoles(engine).map(({ name }) => name);
  for (const [by, name] of wishes) {
    if (name !== undefined && names.includes(name)) return { name, by };
  }
  return undefined;
}

function readName(device: Device, path: string): string | undefined {
  try {
    const { console: name } = JSON.parse(device.readFile(path) ?? '{}') as { readonly console?: unknown };
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Sessions that begin from now on land in it. A console that was chosen before goes on until the machine stops: sessions may
 * be in it.
 */
export function applyChoice(device: Device, engine: EngineFile, name: string): void {
  const chosen = listConsoles(engine).find((each) => each.name === name);
  device.makeFolder(machineLayout.consoles);
  if (chosen?.start === 'chosen' && !isStarted(device, chosen)) {
    device.writeFile(`${machineLayout.consoles}/${name}.says`, 'it is being started\n');
    device.makeFolder(machineLayout.chosenConsoles);
    device.writeFile(`${machineLayout.chosenConsoles}/${chosen.service}`, '');
  }
  const aside = `${machineLayout.consoles}/chosen.new`;
  device.writeFile(aside, `${name}\n`);
  device.rename(aside, `${machineLayout.consoles}/chosen`);
}

/** Whether its service runs, or is to run. */
export function isStarted(device: Device, { start, service }: Console): boolean {
  return start === 'boot' || device.status(`${machineLayout.chosenConsoles}/${service}`) !== undefined;
}

/** As the shell of sessions looks (rootfs/layers/operator/files/session); a process of that number may be another's by now. */
export function findReady(device: Device, name: string): ReadyConsole | undefined {
  const [pid = '', group = '', shell = ''] = (readLine(device, name) ?? '').split(' ');
  const groups = /^\d+$/.test(pid) ? device.readFile(`/proc/${pid}/cgroup`) : undefined;
  return groups?.trim().endsWith(`::${group}`) ? { pid: Number(pid), shell } : undefined;
}

/** What a console says of itself: `says` is what it is at, `fault` why it cannot be entered. */
export function readWords(device: Device, name: string, kind: 'says' | 'fault'): string | undefined {
  return readLine(device, `${name}.${kind}`);
}

function readLine(device: Device, name: string): string | undefined {
  return device.readFile(`${machineLayout.consoles}/${name}`)?.split('\n')[0];
}
