import { KeelsonError } from '../errors/keelson-error.ts';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'it is on a read-only file system',
  ENOTDIR: 'a part of its path is a file',
  ENOENT: 'it cannot be made there',
  EEXIST: 'it is a file',
  EISDIR: 'a folder has the name of one of them',
  ENOSPC: 'there is no space left',
  EDQUOT: 'your quota is used up',
};

/** OUTPUT_NOT_WRITABLE for what a file system refuses; anything else stays as it is. */
export function asOutputError(outputFolder: string, error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  const reason = reasons[String(code)];
  // A file of the store that is gone is another matter.
  if (reason === undefined || (code === 'ENOENT' && syscall !== 'mkdir')) return error;
  return new KeelsonError({
    code: 'OUTPUT_NOT_WRITABLE',
    class: 'environment',
    message: `Cannot write the outputs to ${outputFolder}: ${reason}`,
    hint: 'Make room there, or name another folder with --out.',
    cause: error,
  });
}
