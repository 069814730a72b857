import type { OciBundle } from '../services/oci-bundle.ts';
import type { ServiceDefinition } from '../services/service-definition.ts';

/** What its image brings that people should know of, and what has become of it. */
export function describeImageFacts(
  { hasNewPrivileges }: Pick<ServiceDefinition, 'hasNewPrivileges'>,
  image: OciBundle['image'],
): readonly string[] {
  if (image === undefined) return [];
  const { setIdFiles, capabilityFiles, devices, pipes } = image.facts;
  const told = (count: number, one: string, several: string, fate: string) =>
    count === 0 ? [] : [`its image has ${count} ${count === 1 ? one : several}: ${fate}`];
  return [
    ...told(
      setIdFiles,
      'set-user-ID program',
      'set-user-ID programs',
      hasNewPrivileges ? 'kept' : 'without that bit here',
    ),
    ...told(capabilityFiles, 'program with capabilities', 'programs with capabilities', 'without them here'),
    ...told(devices, 'device node', 'device nodes', 'left out'),
    ...told(pipes, 'named pipe', 'named pipes', 'left out'),
  ];
}
