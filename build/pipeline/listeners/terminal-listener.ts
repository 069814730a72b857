import type { ListrTask } from 'listr2';
import { formatBytes } from '../../errors/format-quantity.ts';
import type { BuildEvent, EventSink } from '../../events/build-event.ts';
import { stageTitle } from '../stages.ts';
import type { Listener } from './listener.ts';
import { plainListener } from './plain-listener.ts';

interface StageRow {
  readonly done: PromiseWithResolvers<void>;
  show: (output: string) => void;
  /** Also before the list has come to the row. */
  title: string;
  rename: (title: string) => void;
}

/**
 * A live list of the given stages. What is told before the first of them starts (a lock, say) is printed as plain
 * lines; progress goes under the stage that is under way.
 */
export function terminalListener(stages: readonly string[], writeLine: (line: string) => void): Listener {
  const rows = new Map<string, StageRow>();
  const before = plainListener(writeLine);
  const notes: string[] = [];
  let current: string | undefined;
  let rendering: Promise<unknown> | undefined;

  const startRendering = (): void => {
    const tasks = stages.map((stage): ListrTask => {
      const row: StageRow = {
        done: Promise.withResolvers<void>(),
        show: () => {},
        title: stageTitle(stage),
        rename: (title) => {
          row.title = title;
        },
      };
      // A stage that never ends (the build stopped elsewhere) must not become an unhandled rejection.
      row.done.promise.catch(() => {});
      rows.set(stage, row);
      return {
        title: row.title,
        task: (_context, task) => {
          task.title = row.title;
          row.show = (output) => {
            task.output = output;
          };
          row.rename = (title) => {
            task.title = title;
          };
          return row.done.promise;
        },
      };
    });
    rendering = showTasks(tasks).catch(() => {});
  };

  const emit: EventSink = (event) => {
    if (event.type === 'stage-started' && stages.includes(event.stage)) {
      if (rendering === undefined) startRendering();
      current = event.stage;
      return;
    }
    const row = current === undefined ? undefined : rows.get(current);
    if (row === undefined) return before(event);
    showInRow(row, event, notes);
    if (event.type === 'stage-finished' && event.stage === current) current = undefined;
  };

  return {
    emit,
    close: async (hasFailed) => {
      for (const row of rows.values()) hasFailed ? row.done.reject(new Error('stopped')) : row.done.resolve();
      await rendering;
      for (const note of notes) writeLine(note);
    },
  };
}

/** Only a terminal needs it. */
async function showTasks(tasks: ListrTask[]): Promise<void> {
  const { Listr } = await import('listr2');
  const list = new Listr(tasks, {
    concurrent: false,
    registerSignalListeners: false,
    rendererOptions: { collapseErrors: true, showErrorMessage: false },
  });
  await list.run();
}

function showInRow(row: StageRow, event: BuildEvent, notes: string[]): void {
  switch (event.type) {
    case 'stage-finished': {
      const mark = event.isCached ? 'cached' : `${event.seconds.toFixed(1)} s`;
      row.rename(`${stageTitle(event.stage)} [${mark}]`);
      row.done.resolve();
      return;
    }
    case 'progress':
      row.show(`${event.what}: ${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)}`);
      return;
    case 'step-finished':
      if (!event.isCached) row.show(event.title);
      return;
    case 'warning':
      notes.push(`warning: ${event.message}${event.hint === undefined ? '' : `\n  hint: ${event.hint}`}`);
      return;
    case 'note':
      notes.push(event.message);
      return;
    default:
      return;
  }
}
