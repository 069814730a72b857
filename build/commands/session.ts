import type { BuildEvent, EventSink } from '../events/build-event.ts';
import type { BuildHost } from '../host/build-host.ts';
import { jsonListener } from '../pipeline/listeners/json-listener.ts';
import type { Listener } from '../pipeline/listeners/listener.ts';
import { plainListener } from '../pipeline/listeners/plain-listener.ts';
import { terminalListener } from '../pipeline/listeners/terminal-listener.ts';
import { type BuildStage, buildStages, countSteps, type StepCounter } from '../pipeline/stages.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from '../tools/open-tools.ts';
import type { Workshop } from '../tools/workshop.ts';

/** What every command is given: the computer, where it stands, and how it speaks. */
export interface CommandContext {
  readonly host: BuildHost;
  /** The folder of this checkout. */
  readonly repositoryFolder: string;
  readonly workingFolder: string;
  /** Machine-readable output: JSON lines on standard output, nothing else. */
  readonly isJson: boolean;
  /** Whether a live display can be drawn (standard output is a terminal). */
  readonly hasTerminal: boolean;
  readonly writeOut: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Is told what the listener of a session is told, and what happens outside of sessions. */
  readonly observe?: EventSink;
}

/** A workshop with a listener: made by a command, closed at its end. */
export interface Session {
  readonly workshop: Workshop;
  readonly steps: StepCounter;
  close(hasFailed: boolean): Promise<void>;
}

/** Runs `work` with an opened store and tools; the listener, which shows these stages, is closed whatever happens. */
export async function withSession<Result>(
  context: CommandContext,
  work: (session: Session) => Promise<Result>,
  stages: readonly BuildStage[] = buildStages,
): Promise<Result> {
  const listener = makeListener(context, stages);
  const { observe = () => {} } = context;
  const steps = countSteps((event) => {
    observe(event);
    listener.emit(event);
  });
  const { host } = context;
  const root = defaultStoreRoot(host);
  const store = await openStore({ root, host, emit: steps.emit });
  const openTools = createToolsOpener({ host, store, emit: steps.emit });
  const session: Session = {
    workshop: { host, store, emit: steps.emit, openTools },
    steps,
    close: (hasFailed) => listener.close(hasFailed),
  };
  try {
    const result = await work(session);
    await session.close(false);
    return result;
  } catch (error) {
    await session.close(true);
    throw error;
  }
}

function makeListener(context: CommandContext, stages: readonly BuildStage[]): Listener {
  const noClose = async (): Promise<void> => {};
  if (context.isJson) return { emit: jsonListener(context.writeOut), close: noClose };
  if (context.hasTerminal) return terminalListener(stages, context.writeError);
  const emit = plainListener(context.writeError);
  return { emit: (event: BuildEvent) => emit(event), close: noClose };
}
