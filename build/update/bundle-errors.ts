import { KeelsonError } from '../errors/keelson-error.ts';

/** It is no bundle, or none of ours. */
export function bundleInvalid(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_INVALID',
    class: 'input',
    message: `Cannot use ${path} as an update bundle: ${reason}`,
    place: { file: path },
    hint: 'Make one with `keelson bundle`.',
  });
}

/** Its beginning is that of a bundle, its end is not. */
export function bundleTruncated(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_TRUNCATED',
    class: 'input',
    message: `Cannot use the update bundle ${path}, which is cut short: ${reason}`,
    place: { file: path },
    hint: 'Copy or download it again.',
  });
}

/** The signature is good, what is signed is not what lies there. */
export function bundleDamaged(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_PAYLOAD_INVALID',
    class: 'input',
    message: `Cannot trust the update bundle ${path}: ${reason}`,
    place: { file: path },
    hint: 'It was changed or damaged after it was signed: copy or download it again.',
  });
}

/** Signed and whole, but its parts do not belong together. */
export function bundleInconsistent(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'BUNDLE_INCONSISTENT',
    class: 'input',
    message: `Cannot use the update bundle ${path}: ${reason}`,
    place: { file: path },
    hint: 'A machine could not start what is in it: make it again with `keelson bundle`.',
  });
}
