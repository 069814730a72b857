import type { ContainerRequest } from '../../../build/contract/container.ts';
import type { CommandOutcome, Device } from '../device.ts';

/** What could not be done, in a sentence for the log. */
export class StartFault extends Error {
  override readonly name = 'StartFault';
}

/** A container that the engine has, whoever made it. */
export interface PresentContainer {
  readonly id: string;
  readonly name: string;
  /** `created`, `running`, `exited`, … */
  readonly state: string;
  /** Of what it was made from; empty when it was not made here. */
  readonly digest: string;
  /** Of Compose; empty when it is of no project. */
  readonly project: string;
  readonly projectFiles: string;
}

const digestLabel = 'keelson.digest';
/** What was made from a container or an image has their labels, but not the name. */
const nameLabel = 'keelson.container';
/** A container that is not yet, or no longer, under its name. */
export const asideName = (name: string): string => `${name}.new`;

const format = [
  '{"id":{{json .ID}},"name":{{json .Names}},"state":{{json .State}}',
  `"digest":{{json (.Label "${digestLabel}")}}`,
  `"label":{{json (.Label "${nameLabel}")}}`,
  '"project":{{json (.Label "com.docker.compose.project")}}',
  '"projectFiles":{{json (.Label "com.docker.compose.project.config_files")}}}',
].join(',');

/** Half an hour for an image over a poor line; then others have their turn. */
const pullSeconds = '1800';

/** Docker, or what understands the same command line. */
export class Engine {
  readonly #device: Device;
  readonly #client: string;

  constructor(device: Device, client: string) {
    this.#device = device;
    this.#client = client;
  }

  answers(): boolean {
    return this.#try(['version']).exitCode === 0;
  }

  list(): readonly PresentContainer[] {
    const { stdout } = this.#run(['ps', '--all', '--no-trunc', '--format', format]);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { label, ...found } = JSON.parse(line) as PresentContainer & { readonly label: string };
        // Beside its own it has those by which others link to it: `web,shop/web`.
        const name = found.name.split(',').find((each) => !each.includes('/')) ?? found.name;
        const isOwn = label !== '' && (name === label || name === asideName(label));
        return { ...found, name, digest: isOwn ? found.digest : '' };
      });
  }

  /** `sha256:…`; `undefined` when it has no such image. */
  imageId(name: string): string | undefined {
    const { exitCode, stdout } = this.#try(['image', 'inspect', '--format', '{{.Id}}', name]);
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  /** `folder` has the members of an archive of the image. */
  load(folder: string): void {
    const words = `tar -c -C ${folder} . | ${this.#client} load --quiet`;
    this.#check(this.#device.run(['sh', '-c', words]));
  }

  tag(id: string, name: string): void {
    this.#run(['tag', id, name]);
  }

  pull(image: string): void {
    this.#check(this.#device.run(['timeout', pullSeconds, this.#client, 'pull', '--quiet', image]));
  }

  /** `false` when it is in use. */
  removeImage(id: string): boolean {
    return this.#try(['image', 'rm', id]).exitCode === 0 || this.imageId(id) === undefined;
  }

  /** Under the name that it has beside another one. */
  createAside(digest: string, wish: ContainerRequest, variablesFile: string): void {
    this.#run([
      ...['create', '--pull', 'never', '--name', asideName(wish.name)],
      ...['--label', `${digestLabel}=${digest}`, '--label', `${nameLabel}=${wish.name}`],
      ...['--restart', wish.restart, '--env-file', variablesFile],
      ...wish.ports.flatMap((port) => ['--publish', port]),
      ...wish.volumes.flatMap((volume) => ['--volume', volume]),
      wish.image,
      ...wish.command,
    ]);
  }

  rename(from: string, to: string): void {
    this.#run(['rename', from, to]);
  }

  start(name: string): void {
    this.#run(['start', name]);
  }

  /** Ended in its own time; its volumes stay, those without a name too. */
  remove(id: string): void {
    this.#run(['stop', id]);
    this.#run(['rm', id]);
  }

  hasCompose(): boolean {
    return this.#try(['compose', 'version']).exitCode === 0;
  }

  composeUp(project: string, files: readonly string[]): void {
    this.#run([
      ...['compose', '--project-name', project, ...files.flatMap((file) => ['--file', file])],
      ...['up', '--detach', '--remove-orphans', '--quiet-pull'],
    ]);
  }

  /** Its volumes stay. */
  composeDown(project: string): void {
    this.#run(['compose', '--project-name', project, 'down', '--remove-orphans']);
  }

  #run(words: readonly string[]): CommandOutcome {
    return this.#check(this.#try(words));
  }

  #try(words: readonly string[]): CommandOutcome {
    return this.#device.run([this.#client, ...words]);
  }

  #check(outcome: CommandOutcome): CommandOutcome {
    if (outcome.exitCode === 0) return outcome;
    const said = outcome.stderr.split('\n').findLast((line) => line.trim() !== '') ?? '';
    const reason = said.replace(/^(?:Error response from daemon|docker|Error): /, '').trim();
    throw new StartFault(reason.slice(0, 500) || `exit code ${outcome.exitCode}`);
  }
}
