import type { CommandOutcome } from '../device.ts';

export interface FakeContainer {
  name: string;
  state: string;
  digest: string;
  /** The name that it was made for. */
  label: string;
  project: string;
  projectFiles: string;
  /** All words of `create`. */
  words: readonly string[];
}

/** As much of Docker's command line as the starter knows. */
export class FakeEngine {
  readonly containers: FakeContainer[] = [];
  /** Name or id → id. */
  readonly images = new Map<string, string>();
  /** What registries have. */
  readonly registry = new Map<string, string>();
  /** What is in an archive → id. */
  readonly archives = new Map<string, string>();
  /** What failed until it is taken away: a word of the command → what is said. */
  readonly broken = new Map<string, string>();
  hasCompose = true;
  /** Everything that changed something. */
  readonly done: string[] = [];

  readonly answer = (command: readonly string[], input: string): Partial<CommandOutcome> | undefined => {
    if (command[0] === 'sha256sum')
      return { stdout: `<${input.length}:${input.replaceAll(/\s/g, '')}>  -\n` };
    if (command[0] === 'sh') {
      const [, folder = ''] = /tar -c -C (\S+) \. \| docker load/.exec(command[2] ?? '') ?? [];
      return this.#run('load', [folder]);
    }
    const words = command[0] === 'timeout' ? command.slice(2) : command;
    if (words[0] !== 'docker') return undefined;
    return this.#run(words[1] ?? '', words.slice(2));
  };

  #run(verb: string, words: readonly string[]): Partial<CommandOutcome> {
    const said = [...this.broken].find(([word]) => [verb, ...words].includes(word))?.[1];
    if (said !== undefined) return { exitCode: 1, stderr: `${said}\n` };
    const last = words.at(-1) ?? '';
    const find = (name: string) => this.containers.find((each) => each.name === name);
    if (!['version', 'ps'].includes(verb) && !words.includes('inspect') && !words.includes('version')) {
      this.done.push([verb, ...words.filter((word) => !word.startsWith('-'))].join(' '));
    }
    switch (verb) {
      case 'ps':
        return {
          stdout: this.containers.map((each) => `${JSON.stringify({ ...each, id: each.name })}\n`).join(''),
        };
      case 'image': {
        const id = this.images.get(last);
        if (id === undefined) return { exitCode: 1 };
        if (words[0] === 'rm') for (const [name, of] of this.images) if (of === id) this.images.delete(name);
        return { stdout: `${id}\n` };
      }
      case 'load': {
        const id = this.archives.get(last);
        if (id === undefined) return { exitCode: 1, stderr: 'no space left on device\n' };
        this.images.set(id, id);
        return {};
      }
      case 'tag':
        this.images.set(last, words[0] ?? '');
        return {};
      case 'pull': {
        const id = this.registry.get(last);
        if (id === undefined) return { exitCode: 1, stderr: 'Error response from daemon: no such host\n' };
        this.images.set(last, id);
        return {};
      }
      case 'create': {
        const name = words[words.indexOf('--name') + 1] ?? '';
        const labelled = (label: string) =>
          words.find((word) => word.startsWith(`${label}=`))?.slice(label.length + 1) ?? '';
        const [digest, label] = [labelled('keelson.digest'), labelled('keelson.container')];
        this.containers.push({ name, digest, label, state: 'created', project: '', projectFiles: '', words });
        return {};
      }
      case 'rename': {
        const container = find(words[0] ?? '');
        if (container !== undefined) container.name = last;
        return {};
      }
      case 'start': {
        const container = find(last);
        if (container !== undefined) container.state = 'running';
        return {};
      }
      case 'stop':
        return {};
      case 'rm':
        this.containers.splice(
          this.containers.findIndex((each) => each.name === last),
          1,
        );
        return {};
      case 'compose':
        return this.#compose(words);
      default:
        return {};
    }
  }

  #compose(words: readonly string[]): Partial<CommandOutcome> {
    if (!this.hasCompose) return { exitCode: 1 };
    const project = words[words.indexOf('--project-name') + 1] ?? '';
    const others = this.containers.filter((each) => each.project !== project);
    if (words.includes('up') || words.includes('down')) this.containers.splice(0, Infinity, ...others);
    if (words.includes('up')) {
      const projectFiles = words
        .flatMap((word, index) => (words[index - 1] === '--file' ? word : []))
        .join(',');
      const name = `${project}-front-1`;
      this.containers.push({
        name,
        digest: '',
        label: '',
        state: 'running',
        project,
        projectFiles,
        words: [],
      });
    }
    return {};
  }
}
