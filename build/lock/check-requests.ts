import type { PackagesIndex } from '../debian/packages-index.ts';
import { FaultsError, KeelsonError } from '../errors/keelson-error.ts';
import { nearestName } from '../errors/nearest-name.ts';
import type { PackageRequest } from '../services/service-definition.ts';
import { requestName } from './lock-groups.ts';
import { type DeclaredRequest, placeOfRequest } from './request-place.ts';
import type { SolveGroup } from './solve.ts';

/** Throws all requests of packages that no suite has, together: PACKAGE_UNKNOWN. */
export async function checkRequests(
  groups: readonly SolveGroup[],
  suites: readonly string[],
  indexes: ReadonlyMap<string, PackagesIndex>,
): Promise<void> {
  const faults: KeelsonError[] = [];
  for (const group of groups) {
    for (const request of group.requests) {
      const searched = request.suite === undefined ? suites : [request.suite];
      const isKnown = searched.some((suite) => (indexes.get(suite)?.find(request.name).length ?? 0) > 0);
      if (!isKnown) faults.push(await packageUnknown(group, request, searched, indexes));
    }
  }
  const [first] = faults;
  if (first !== undefined) throw faults.length === 1 ? first : new FaultsError(faults);
}

async function packageUnknown(
  group: SolveGroup,
  request: DeclaredRequest,
  suites: readonly string[],
  indexes: ReadonlyMap<string, PackagesIndex>,
): Promise<KeelsonError> {
  const place = (await placeOfRequest(request)) ?? group.place;
  return new KeelsonError({
    code: 'PACKAGE_UNKNOWN',
    class: 'input',
    message: `Cannot find package ${requestName(request)} for ${group.name} in ${suites.join(', ')}`,
    ...(place === undefined ? {} : { place }),
    hint: suggestion(request, suites, indexes),
  });
}

function suggestion(
  { name }: PackageRequest,
  suites: readonly string[],
  indexes: ReadonlyMap<string, PackagesIndex>,
): string {
  // Tens of thousands of names: only those of about the same length can be near.
  const names = suites
    .flatMap((suite) => indexes.get(suite)?.names ?? [])
    .filter((candidate) => Math.abs(candidate.length - name.length) <= 3);
  const nearest = nearestName(name, names);
  if (nearest !== undefined) return `Did you mean ${nearest}?`;
  const elsewhere = [...indexes].filter(([, index]) => index.find(name).length > 0).map(([suite]) => suite);
  if (elsewhere.length > 0) return `Take it from ${elsewhere.join(' or ')}, which has it.`;
  return 'Correct the name, or name a suite that has the package.';
}
