import type { BuildHost } from '../../host/build-host.ts';
import { missingUserRange } from '../peers/user-range.ts';
import type { Contender, Surroundings } from './contender.ts';
import { makeKeelsonContender } from './keelson.ts';
import { makeMkosiContender } from './mkosi.ts';
import { makeMmdebstrapContender } from './mmdebstrap.ts';

type PeerName = 'mmdebstrap' | 'mmdebstrap+docker' | 'mkosi' | 'mkosi+docker';

const peers = {
  mmdebstrap: (surroundings) => makeMmdebstrapContender(surroundings, 'system'),
  mkosi: (surroundings) => makeMkosiContender(surroundings, 'system'),
  'mmdebstrap+docker': (surroundings) => makeMmdebstrapContender(surroundings, 'engine'),
  'mkosi+docker': (surroundings) => makeMkosiContender(surroundings, 'engine'),
} as const satisfies Record<PeerName, (surroundings: Surroundings) => Contender>;

/** All of them, when `--only` does not say which. */
const everybody: readonly string[] = ['tiny', 'docker', ...Object.keys(peers)];

/** A name that is none of the peers' is that of a recipe. */
export async function listContenders(
  surroundings: Surroundings,
  only: readonly string[],
  hasOwnStores: boolean,
): Promise<Contender[]> {
  const names = only.length === 0 ? everybody : [...new Set(only)];
  return Promise.all(
    names.map((name) =>
      isPeer(name) ? peers[name](surroundings) : makeKeelsonContender(surroundings, name, hasOwnStores),
    ),
  );
}

function isPeer(name: string): name is PeerName {
  return name in peers;
}

/** Why a contender cannot be built on this computer, and what to do about it. */
export async function obstacleOf(host: BuildHost, { isKeelson }: Contender): Promise<string | undefined> {
  return isKeelson ? undefined : missingUserRange(host);
}
