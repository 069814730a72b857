import type { Device } from '../device.ts';

export interface ContainerAnswer {
  readonly stdout: string;
  /** What the program said when it did not end well, in a line. */
  readonly fault?: string;
}

/**
 * A program inside of a service's container, which has no more than the service. `crun exec` takes capabilities, filter and policy
 * from the container; that there are no new privileges it has to be told.
 */
export function runInContainer(
  device: Device,
  service: string,
  command: readonly string[],
  timeoutSeconds: number,
): ContainerAnswer {
  const exec = ['crun', 'exec', '--no-new-privs', service, ...command];
  const outcome = device.run(['timeout', String(timeoutSeconds), ...exec]);
  const { exitCode, stdout, stderr } = outcome;
  if (exitCode === 0) return { stdout };
  const words = `${stderr}\n${stdout}`.trim().split('\n')[0]?.slice(0, 200);
  // busybox's timeout is killed by the signal that it sends, GNU's says 124.
  const isLate = exitCode === 143 || exitCode === 124;
  return {
    stdout,
    fault: isLate ? `no answer in ${timeoutSeconds} s` : words || `exit code ${exitCode}`,
  };
}
