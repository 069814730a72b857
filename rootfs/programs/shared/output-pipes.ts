import { machineLayout } from '../../../build/contract/machine-layout.ts';

/** Where a service's output goes; run-service (layer `base`) knows these names too. */
export function outputPipes(
  service: string,
): readonly { readonly stream: 'stdout' | 'stderr'; readonly path: string }[] {
  return (['stdout', 'stderr'] as const).map((stream) => ({
    stream,
    path: `${machineLayout.outputPipes}/${service}.${stream}`,
  }));
}
