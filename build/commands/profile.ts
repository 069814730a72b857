import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { withSpan } from '../events/span.ts';
import { writeDurably } from '../host/write-durably.ts';
import { profileListener } from '../pipeline/listeners/profile-listener.ts';
import type { CommandContext } from './session.ts';

export interface ProfileOptions {
  /** File for a trace of where the time went. */
  readonly profile?: string;
}

/**
 * Runs `work` with a listener that notes where the time goes, and writes the trace at the end, also when `work` fails or is
 * interrupted. PROFILE_NOT_WRITABLE before the work when that cannot be; without a file nothing is noted.
 */
export async function withProfile<Result>(
  context: CommandContext,
  title: string,
  { profile: name }: ProfileOptions,
  work: (context: CommandContext) => Promise<Result>,
): Promise<Result> {
  if (name === undefined) return work(context);
  const file = resolve(context.workingFolder, name);
  await checkWritable(file);
  const profile = profileListener(context.host.elapsedMs);
  const write = async () => {
    await writeTrace(file, profile.trace(`keelson ${title}`));
    if (!context.isJson)
      context.writeError(`profile: ${file} (a viewer of traces, such as Perfetto, opens it)`);
  };
  const observed = { ...context, observe: profile.emit };
  const run = () => withSpan(profile.emit, { kind: 'command', title }, () => work(observed));
  const result = await run().catch(async (error: unknown) => {
    // Why the work failed matters more than why its profile did.
    await write().catch(() => undefined);
    throw error;
  });
  await write();
  return result;
}

async function writeTrace(file: string, trace: object): Promise<void> {
  await writeDurably(file, { content: `${JSON.stringify(trace)}\n`, mode: 0o644 }).catch((cause: unknown) => {
    throw notWritable(file, reasons[errorCode(cause)] ?? (cause as Error).message, cause);
  });
}

/** It is written aside and renamed, so its folder must be writable; and a device must not become a file. */
async function checkWritable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined && !found.isFile()) throw notWritable(file, 'it is no regular file');
  const folder = dirname(file);
  try {
    // With its last part, a file by that name is none.
    await access(`${folder}/.`, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw notWritable(file, reasons[errorCode(cause)] ?? (cause as Error).message, cause);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'it is on a read-only file system',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'a part of its path is a file',
  ENOSPC: 'there is no space left',
  EDQUOT: 'your quota is used up',
};

function errorCode(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

function notWritable(file: string, reason: string, cause?: unknown): KeelsonError {
  return new KeelsonError({
    code: 'PROFILE_NOT_WRITABLE',
    class: 'environment',
    message: `Cannot write the profile to ${file}: ${reason}`,
    hint: 'Name a file in a folder that is there and yours, such as --profile build.trace.json.',
    ...(cause === undefined ? {} : { cause }),
  });
}
