import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Boots of each contender whose times count. */
  readonly rounds: number;
  /** Names of contenders; empty for all. */
  readonly only: readonly string[];
  readonly hasBoots: boolean;
  readonly hasColdBuilds: boolean;
  /** `minimal` beside the figures that the README wants: `also`, `only`, or not at all. */
  readonly figures: 'also' | 'only' | 'none';
  /** Of the figures: a build with an empty store, downloads and all. */
  readonly hasDownloads: boolean;
}

export const usage = `Use: npm run bench -- [options]

Builds the same machine three ways, by Keelson, by mmdebstrap and by mkosi, boots each of them in QEMU, and prints what they take beside
each other: a table here, and out/bench/report.html, report.md and report.json. Then the figures of "minimal" beside their targets.
About two hours on two processors that have nothing else to do; a kernel is compiled on the way.

  --rounds N        boots of each contender whose times count (5); they take turns
  --only NAME,...   these contenders alone: tiny, docker, mmdebstrap, mmdebstrap+docker, mkosi, mkosi+docker, or any recipe, such
                    as minimal. The first recipe is what the others are compared with
  --without-boots   builds and sizes only
  --without-cold    no cold builds: what earlier runs and the store have is taken
  --figures         only the figures of "minimal" beside their targets
  --cold            of these also a build with an empty store, downloads and all
  --help            this

Examples:
  npm run bench -- --only minimal,mmdebstrap,mkosi --rounds 1
  npm run bench -- --without-boots

On a busy computer, KEELSON_PATIENCE=3 waits three times as long for machines, as in machine tests.
Ctrl-C ends it and everything that it started. Exit code 0: all was measured; 1: something was not, and it says what; 2: bad use.`;

/** The options, or what to print instead: the usage when it was asked for, else what is wrong. */
export function readOptions(words: readonly string[]): BenchOptions | string {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        rounds: { type: 'string', default: '5' },
        only: { type: 'string', multiple: true, default: [] },
        'without-boots': { type: 'boolean', default: false },
        'without-cold': { type: 'boolean', default: false },
        figures: { type: 'boolean', default: false },
        cold: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return usage;
    if (!/^[1-9][0-9]?$/.test(values.rounds))
      return `--rounds wants a number from 1 to 99, not "${values.rounds}".`;
    const only = values.only.flatMap((names) => names.split(',')).filter((name) => name !== '');
    return {
      rounds: Number(values.rounds),
      only,
      hasBoots: !values['without-boots'],
      hasColdBuilds: !values['without-cold'],
      figures: values.figures ? 'only' : only.length > 0 ? 'none' : 'also',
      hasDownloads: values.cold,
    };
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}
