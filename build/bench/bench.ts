import { mkdir } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { openTestWorkshop, repositoryFolder } from '../../qemu-tests/support/test-workshop.ts';
import { interruptWaits } from '../../qemu-tests/support/wait-for.ts';
import { renderError } from '../errors/render-error.ts';
import { makeLoginKey } from '../qemu/login-key.ts';
import type { Surroundings } from './contenders/contender.ts';
import { listContenders } from './contenders/list-contenders.ts';
import { compareContenders } from './measure/compare-contenders.ts';
import { measureFigures } from './measure/keelson-figures.ts';
import type { Measurement } from './measure/measurement.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { type LocalArchive, openLocalArchive } from './peers/local-archive.ts';
import { describeNotes } from './report/describe-notes.ts';
import type { Figure } from './report/figures.ts';
import { type Report, writeReport } from './report/write-report.ts';

const folder = join(repositoryFolder, 'out/bench');

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words);
  if (typeof options === 'string') {
    tell(options);
    return options === usage ? 0 : 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      tell('stopped: ending everything that was started');
      stop.abort();
      interruptWaits(new Error('stopped'));
    });
  }
  try {
    return await bench(options, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted)
      process.stderr.write(`${renderError(error, { isColoured: false, workingFolder: process.cwd() })}\n`);
    return stop.signal.aborted ? 130 : 1;
  }
}

async function bench(options: BenchOptions, signal: AbortSignal): Promise<number> {
  await mkdir(folder, { recursive: true });
  const workshop = await openTestWorkshop(signal);
  const loginKey = makeLoginKey('keelson-bench');
  let archive: Promise<LocalArchive> | undefined;
  const openArchive = (): Promise<LocalArchive> => {
    archive ??= openLocalArchive(workshop, join(folder, 'archive'));
    return archive;
  };
  const surroundings: Surroundings = { workshop, folder, publicKey: loginKey.publicKey, openArchive };
  const loadBefore = loadavg()[0] ?? 0;
  const measurements = options.figures === 'only' ? [] : await compareAll();
  const figures: readonly Figure[] =
    options.figures === 'none' ? [] : await measureFigures(surroundings, options, tell);
  const conditions = {
    date: new Date().toISOString(),
    cpus: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    loads: [loadBefore, loadavg()[0] ?? 0] as const,
    rounds: options.rounds,
    archiveDates: archive === undefined ? {} : (await openArchive()).dates,
  };
  const notes = describeNotes(conditions, measurements);
  const report: Report = { conditions, notes, measurements, figures };
  for (const line of await writeReport(folder, report)) tell(line);
  return measurements.some(({ obstacle }) => obstacle !== undefined) ? 1 : 0;

  async function compareAll(): Promise<readonly Measurement[]> {
    const contenders = await listContenders(surroundings, options.only, options.hasColdBuilds);
    return compareContenders(surroundings, contenders, { ...options, loginKey }, tell);
  }
}

// What waits for a machine that was taken away would wait on.
process.exit(await main(process.argv.slice(2)));
