import type { BuiltDisk, Contender } from '../contenders/contender.ts';

/** What building one contender took. */
export interface BuildTimes {
  readonly coldSeconds: readonly number[];
  readonly warmSeconds: readonly number[];
  /** Of the last cold build, where the builder tells. */
  readonly longestStep?: BuiltDisk['longestStep'];
  readonly packageCount: number;
  /** Of what the last build left. */
  readonly diskPath: string;
}

interface TimedBuild {
  readonly seconds: number;
  readonly disk: BuiltDisk;
}

/** Builds of one kind, as long as none of them takes longer than that; then one is enough. */
const mostBuilds = 3;
const longSeconds = 600;

/** Cold builds, then builds after a change of one file. Told to `tell` one by one. */
export async function measureBuilds(
  contender: Contender,
  hasColdBuilds: boolean,
  tell: (line: string) => void,
): Promise<BuildTimes> {
  const build = async (what: string): Promise<TimedBuild> => {
    const startedAt = performance.now();
    const disk = await contender.build();
    const seconds = (performance.now() - startedAt) / 1000;
    tell(`${contender.name}: ${what} in ${seconds.toFixed(1)} s`);
    return { seconds, disk };
  };
  await contender.prepare();
  const cold = await repeat(hasColdBuilds ? mostBuilds : 0, async () => {
    await contender.forget();
    return build('built cold');
  });
  const lastCold = cold.at(-1);
  if (lastCold === undefined) await build('built from what was there');
  const warm = await repeat(mostBuilds, async (round) => {
    await contender.changeOneFile(round + 1);
    return build('built after a change of one file');
  });
  const longestStep = lastCold?.disk.longestStep;
  const { disk } = warm.at(-1) as TimedBuild;
  return {
    coldSeconds: cold.map(({ seconds }) => seconds),
    warmSeconds: warm.map(({ seconds }) => seconds),
    ...(longestStep === undefined ? {} : { longestStep }),
    packageCount: await disk.countPackages(),
    diskPath: disk.path,
  };
}

async function repeat(
  most: number,
  build: (round: number) => Promise<TimedBuild>,
): Promise<readonly TimedBuild[]> {
  const builds: TimedBuild[] = [];
  while (builds.length < most && (builds.at(-1)?.seconds ?? 0) <= longSeconds)
    builds.push(await build(builds.length));
  return builds;
}
