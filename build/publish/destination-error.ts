import { KeelsonError } from '../errors/keelson-error.ts';

export function unwritable(name: string, path: string, cause: unknown, isNetwork: boolean): KeelsonError {
  return new KeelsonError({
    code: 'DESTINATION_UNWRITABLE',
    class: isNetwork ? 'network' : 'environment',
    message: `Cannot write ${path} to ${name}: ${reasonOf(cause)}`,
    hint: 'Nothing that machines see has changed. Look at permissions and free space there, then publish again.',
    cause,
  });
}

export function unreadable(name: string, path: string, cause: unknown, isNetwork: boolean): KeelsonError {
  return new KeelsonError({
    code: 'DESTINATION_UNREADABLE',
    class: isNetwork ? 'network' : 'environment',
    message: `Cannot read ${path} from ${name}: ${reasonOf(cause)}`,
    hint: 'Look at the address and the permissions there.',
    cause,
  });
}

export function tooLarge(limitBytes: number): Error {
  return new Error(`it is larger than ${limitBytes} bytes`);
}

function reasonOf(cause: unknown): string {
  const message = (cause as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' && message !== '' ? message : String(cause);
}
