import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildEvent } from '../events/build-event.ts';
import { createBuildHost } from '../host/node-host.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from '../tools/open-tools.ts';
import type { Workshop } from '../tools/workshop.ts';
import { makeKeys } from './make-keys.ts';
import type { Keys } from './open-keys.ts';
import { noSecrets } from './secrets.ts';

/** A place for keys, a clock that can be set, and the real tools to judge by. */
export interface KeyBench {
  readonly folder: string;
  readonly workshop: Workshop;
  readonly events: readonly BuildEvent[];
  setClock(time: Date): void;
  /** Variables of the computer; nothing else is set but what tools need. */
  readonly variables: Record<string, string>;
  /** Keys without passphrases, in a folder of their own. */
  makeKeys(name: string): Promise<Keys>;
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Runs a program of the tools tree that sees the bench's folder; gives its output and exit code. */
  run(
    file: string,
    ...argumentList: readonly string[]
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
  close(): Promise<void>;
}

export async function openKeyBench(): Promise<KeyBench> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  const computer = createBuildHost();
  const variables: Record<string, string> = {};
  let clock: number | undefined;
  const host = {
    ...computer,
    now: () => clock ?? computer.now(),
    environmentVariable: (name: string) => variables[name] ?? computer.environmentVariable(name),
  };
  const events: BuildEvent[] = [];
  const emit = (event: BuildEvent): void => {
    events.push(event);
  };
  const store = await openStore({ root: defaultStoreRoot(computer), host: computer, emit });
  const workshop = { host, store, emit, openTools: createToolsOpener({ host: computer, store, emit }) };
  return {
    folder,
    workshop,
    events,
    variables,
    setClock: (time) => {
      clock = time.getTime();
    },
    makeKeys: (name) =>
      makeKeys(workshop, {
        name,
        folder: join(folder, name),
        askSecret: noSecrets,
        isDevelopment: true,
      }),
    write: async (name, content) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    run: async (file, ...argumentList) => {
      const tools = await workshop.openTools('keys');
      const command = tools.commandLine({ file, arguments: argumentList, writable: [folder] });
      const { exitCode, stdout, stderr } = await computer.run(command);
      return { exitCode, output: `${stdout}${stderr}` };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
