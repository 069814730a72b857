import { type ContainerRequest, variableName } from '../../../build/contract/container.ts';
import type { Device } from '../device.ts';
import { asideName, type Engine, type PresentContainer, StartFault } from './engine.ts';

const variablesFile = '/run/keelson/containers/variables';

/** In a folder of memory: who was started once in this boot, as no engine starts a container that need not run on. */
const startedFolder = '/run/keelson/containers/started';

/**
 * Has the engine run the container as it is asked for. One that was made from the same words stays as it is, ended or not: a person
 * may have stopped it. Otherwise another one is made beside it and takes its place, so that what cannot be made leaves the old one.
 */
export function putContainer(
  device: Device,
  engine: Engine,
  wish: ContainerRequest,
  present: PresentContainer | undefined,
): 'as it was' | 'started' | 'made' | 'made anew' {
  if (present !== undefined && present.digest === '') {
    throw new StartFault('a container of that name is there that was made by somebody else');
  }
  const variables = readVariables(device, wish);
  const digest = digestOf(device, wish, variables);
  if (present?.digest === digest) return startAgain(device, engine, wish, present);
  if (engine.imageId(wish.image) === undefined) {
    if (wish.imageId !== undefined) throw new StartFault(`its image ${wish.image} could not be loaded`);
    engine.pull(wish.image);
  }
  // Not as arguments, which everybody on the machine may read.
  device.writeFile(variablesFile, variables.map((line) => `${line}\n`).join(''), 0o600);
  try {
    engine.createAside(digest, wish, variablesFile);
  } finally {
    device.remove(variablesFile);
  }
  if (present !== undefined) engine.remove(present.id);
  engine.rename(asideName(wish.name), wish.name);
  engine.start(wish.name);
  noteStart(device, wish.name);
  return present === undefined ? 'made' : 'made anew';
}

function startAgain(
  device: Device,
  engine: Engine,
  { name, restart }: ContainerRequest,
  { state }: PresentContainer,
): 'as it was' | 'started' {
  const isOfThisBoot = device.status(`${startedFolder}/${name}`) !== undefined;
  const isForEachBoot = restart === 'no' || restart === 'on-failure';
  if (state !== 'created' && !(state === 'exited' && isForEachBoot && !isOfThisBoot)) return 'as it was';
  engine.start(name);
  noteStart(device, name);
  return 'started';
}

function noteStart(device: Device, name: string): void {
  device.makeFolder(startedFolder);
  device.writeFile(`${startedFolder}/${name}`, '');
}

/** Lines `NAME=value`, each name once: of two a program would take the first, and its shell the last. */
function readVariables(
  device: Device,
  { environment, environmentFile }: ContainerRequest,
): readonly string[] {
  const variables = new Map<string, string>();
  if (environmentFile !== undefined) {
    const text = device.readFile(environmentFile, 64 * 1024);
    if (text === undefined) throw new StartFault(`it waits for the file ${environmentFile}`);
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const equals = line.indexOf('=');
      const name = line.slice(0, Math.max(equals, 0));
      if (!variableName.test(name)) {
        throw new StartFault(`line ${index + 1} of ${environmentFile} is not NAME=value`);
      }
      variables.set(name, line.slice(equals + 1));
    }
  }
  for (const [name, value] of Object.entries(environment)) variables.set(name, value);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** Secrets among the variables are in it, but cannot be read from it. */
function digestOf(device: Device, wish: ContainerRequest, variables: readonly string[]): string {
  const { exitCode, stdout } = device.run(['sha256sum'], { input: JSON.stringify([wish, variables]) });
  const [digest = ''] = stdout.split(' ');
  if (exitCode !== 0 || digest === '') throw new StartFault('sha256sum does not work');
  return digest;
}
