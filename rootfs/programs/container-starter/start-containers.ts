import { type ContainerRequest, startFolder } from '../../../build/contract/container.ts';
import type { Workload } from '../../../build/contract/workload.ts';
import type { Device } from '../device.ts';
import { Engine, type PresentContainer, StartFault } from './engine.ts';
import { putContainer } from './put-container.ts';
import { readRecord, type StarterRecord, writeRecord } from './record.ts';
import { isOwnProject, readWanted, type Wanted } from './wanted.ts';

/** For the engine's `workloads` command: containers that should be there and are not, and those that went on purpose. */
const folder = '/run/keelson/containers';
const toldFile = `${folder}/told.jsonl`;

const pollMs = 1000;
const firstWaitMs = 5000;
const longestWaitMs = 300_000;

interface Fault {
  /** Of the container, project or image. */
  readonly name: string;
  readonly message: string;
}

/**
 * Brings the engine's containers to what recipe and user-data ask for, and ends when that is done; what cannot be done now (no
 * network, no room) is tried again for as long as it takes. Whatever is as it should be is left alone, so this may be run at any time.
 */
export function startContainers(device: Device, client: string): void {
  device.makeFolder(folder, 0o700);
  const wanted = tryToReadWanted(device);
  if (wanted !== undefined && hasNothingToDo(readRecord(device), wanted)) return;
  const engine = new Engine(device, client);
  // Before the engine brings up what it had: a version on trial is not to be judged by containers of the one before.
  if (wanted !== undefined) {
    tell(
      device,
      wanted.containers.map(({ name }) => unsettled(name, 'missing', 'not looked at yet')),
    );
  }
  while (!engine.answers()) device.sleep(pollMs);
  let told = '';
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    const faults = new Pass(device, engine).run();
    const text = faults.map(({ name, message }) => `${name}: ${message}`).join('\n');
    if (text !== told && text !== '') device.printError(text);
    told = text;
    if (faults.length === 0) return;
    device.sleep(waitMs);
  }
}

/** Most machines whose owner starts containers by hand: not even the engine is asked, which costs time at boot. */
function hasNothingToDo({ names, namesBefore, images }: StarterRecord, wanted: Wanted): boolean {
  const { containers, projects, images: builtIn } = wanted;
  return [names, namesBefore, images, containers, projects, builtIn].every(({ length }) => length === 0);
}

/** `undefined` when it cannot be read: each look says why. */
function tryToReadWanted(device: Device): Wanted | undefined {
  try {
    return readWanted(device);
  } catch {
    return undefined;
  }
}

function tell(device: Device, lines: readonly Workload[]): void {
  device.writeFile(toldFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function unsettled(name: string, state: 'missing' | 'outdated', error: string): Workload {
  return { name, state, error, health: null, exitCode: 0, isRestarted: true, isExempt: false };
}

/** One look at everything. */
class Pass {
  readonly #device: Device;
  readonly #engine: Engine;
  readonly #faults: Fault[] = [];

  constructor(device: Device, engine: Engine) {
    this.#device = device;
    this.#engine = engine;
  }

  run(): readonly Fault[] {
    const record = readRecord(this.#device);
    const wanted = this.#attempt('the list', () => readWanted(this.#device));
    const present = this.#attempt('the engine', () => this.#engine.list());
    if (wanted === undefined || present === undefined) return this.#faults;
    const images = new Set(record.images);
    this.#bringImages(wanted, images);
    this.#removeOthers(wanted, present);
    const isBuiltIn = ({ imageId }: ContainerRequest) => imageId !== undefined;
    this.#bringContainers(wanted.containers.filter(isBuiltIn), present);
    this.#bringProjects(wanted);
    // A registry that does not answer keeps only these waiting.
    this.#bringContainers(
      wanted.containers.filter((wish) => !isBuiltIn(wish)),
      present,
    );
    if (this.#faults.length === 0) this.#forgetImages(wanted, images);
    this.#attempt('the record', () => this.#tell(record, wanted, [...images].sort()));
    return this.#faults;
  }

  /** Those that are built in, from the verified root; `images` gets the ids. */
  #bringImages(wanted: Wanted, images: Set<string>): void {
    for (const { id, name } of wanted.images) {
      this.#attempt(name ?? id, () => {
        if (this.#engine.imageId(id) === undefined) {
          this.#engine.load(`${startFolder}/images/${id.replace('sha256:', '')}`);
          if (this.#engine.imageId(id) === undefined)
            throw new StartFault('the engine took it for another image');
        }
        images.add(id);
        if (name !== undefined && this.#engine.imageId(name) !== id) this.#engine.tag(id, name);
      });
    }
  }

  /** Containers and projects that were started here and are not asked for any more. */
  #removeOthers(wanted: Wanted, present: readonly PresentContainer[]): void {
    if (wanted.isDoubtful) return;
    const names = new Set(wanted.containers.map(({ name }) => name));
    for (const { id, name, digest } of present) {
      if (digest === '' || names.has(name)) continue;
      this.#attempt(name, () => {
        this.#engine.remove(id);
        this.#device.print(`${name}: removed`);
      });
    }
    const projects = new Set(wanted.projects.map(({ name }) => name));
    const others = present.filter(
      ({ project, projectFiles }) => isOwnProject(projectFiles) && !projects.has(project),
    );
    for (const project of new Set(others.map((each) => each.project))) {
      this.#attempt(project, () => {
        this.#engine.composeDown(project);
        this.#device.print(`${project}: removed`);
      });
    }
  }

  #bringContainers(wishes: readonly ContainerRequest[], present: readonly PresentContainer[]): void {
    for (const wish of wishes) {
      this.#attempt(wish.name, () => {
        const found = present.find(({ name }) => name === wish.name);
        const done = putContainer(this.#device, this.#engine, wish, found);
        if (done !== 'as it was') this.#device.print(`${wish.name}: ${done}`);
      });
    }
  }

  #bringProjects({ projects }: Wanted): void {
    const hasCompose = projects.length > 0 && this.#engine.hasCompose();
    for (const { name, files } of projects) {
      this.#attempt(name, () => {
        if (!hasCompose)
          throw new StartFault('this machine has no Compose: its recipe takes it as an option');
        this.#engine.composeUp(name, files);
      });
    }
  }

  /** Of earlier versions; what is still in use stays, and is tried again at the next boot. */
  #forgetImages(wanted: Wanted, images: Set<string>): void {
    const kept = new Set(wanted.images.map(({ id }) => id));
    for (const id of [...images]) if (!kept.has(id) && this.#engine.removeImage(id)) images.delete(id);
  }

  #tell(record: StarterRecord, wanted: Wanted, images: readonly string[]): void {
    const present = this.#engine.list();
    const own = present.filter(({ digest, projectFiles }) => digest !== '' || isOwnProject(projectFiles));
    const names = own.map(({ name }) => name).sort();
    const hasName = (wish: string) => present.some(({ name }) => name === wish);
    const faultOf = (wish: string) => this.#faults.find(({ name }) => name === wish)?.message;
    // One that could not be made anew runs as it was, and is not what this version wants.
    const missing = wanted.containers.filter(({ name }) => !hasName(name) || faultOf(name) !== undefined);
    const absent = { health: null, exitCode: 0 } as const;
    const lines = [
      ...missing.map(({ name }) =>
        unsettled(name, hasName(name) ? 'outdated' : 'missing', faultOf(name) ?? ''),
      ),
      ...record.namesBefore
        .filter((name) => !hasName(name) && !missing.some((wish) => wish.name === name))
        .map((name): Workload => ({ ...absent, name, state: 'removed', isRestarted: false, isExempt: true })),
    ];
    tell(this.#device, lines);
    writeRecord(this.#device, { ...record, names, images });
  }

  /** One thing that fails must not keep the next from being done. */
  #attempt<Result>(name: string, action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      this.#faults.push({ name, message: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }
}
