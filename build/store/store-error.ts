import { KeelsonError } from '../errors/keelson-error.ts';

const fullCodes = new Set(['ENOSPC', 'EDQUOT']);
const deniedCodes = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);

/** Code of an error of node:fs; under Jest such errors are not `instanceof Error`. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}

/** Turns the faults of a disk into errors that a person can act on; anything else stays what it is. */
export function asStoreError(root: string, what: string, error: unknown): unknown {
  if (isOrHas(error, fullCodes)) {
    return new KeelsonError({
      code: 'STORE_FULL',
      class: 'environment',
      message: `Cannot ${what}: the disk of the store ${root} is full`,
      hint: 'Free space, or run `keelson store collect`; or set XDG_CACHE_HOME to a folder on a larger disk.',
      cause: error,
    });
  }
  if (deniedCodes.has(errorCode(error) ?? '') && String((error as { path?: string }).path).startsWith(root)) {
    return new KeelsonError({
      code: 'STORE_UNWRITABLE',
      class: 'environment',
      message: `Cannot ${what}: the store ${root} is not writable`,
      hint: 'Make the folder writable, or set XDG_CACHE_HOME to one that is.',
      cause: error,
    });
  }
  return error;
}

/** Tools that ran out of space say so in words only. */
function isOrHas(error: unknown, codes: ReadonlySet<string>): boolean {
  if (codes.has(errorCode(error) ?? '')) return true;
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' && /No space left on device|Disk quota exceeded/.test(message);
}
