import { metadataLimits } from '../../rootfs/programs/shared/tuf/metadata.ts';
import { type RefreshOutcome, refreshIndex } from '../../rootfs/programs/shared/tuf/refresh-index.ts';
import { openTrust, type TrustedIndex } from '../../rootfs/programs/shared/tuf/trusted-index.ts';
import { channelLayout } from '../contract/channel.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { Destination } from './destination.ts';

/** Reads a file below a channel's folder; `undefined` when there is none. */
export type ReadFile = (path: string, limitBytes: number) => Promise<Buffer | undefined>;

/** Goes through a refresh as a machine does, with files from wherever `read` has them. */
export async function followChannel(options: {
  readonly trusted: TrustedIndex;
  readonly clock: number;
  readonly builtAt: number;
  readonly read: ReadFile;
}): Promise<RefreshOutcome> {
  const steps = refreshIndex(options);
  let step = steps.next();
  while (step.done !== true) {
    const { path, limitBytes } = step.value;
    const bytes = await options.read(path, limitBytes);
    step = steps.next(bytes === undefined ? { kind: 'missing' } : { kind: 'content', bytes });
  }
  return step.value;
}

/** A channel as it stands at a destination, with all signatures checked; its expiry is the caller's business. */
export type StandingChannel = Extract<RefreshOutcome, { kind: 'fresh' }>;

/**
 * Reads what is published; `undefined` when the channel is not there yet. The destination is not trusted: what machines would
 * refuse is CHANNEL_UNTRUSTED, and so is what is older than `record` (what the publisher saw last).
 */
export async function readChannel(options: {
  readonly destination: Destination;
  readonly channel: string;
  /** Text of the first root. */
  readonly firstRoot: string;
  /** Text of a TrustedIndex. */
  readonly record?: string | undefined;
}): Promise<StandingChannel | undefined> {
  const { destination, channel, firstRoot } = options;
  const read: ReadFile = (path, limitBytes) => destination.read(`${channel}/${path}`, limitBytes);
  const { trusted } = openTrust({ imageRoot: firstRoot, channel, kept: options.record });
  if ((await read(channelLayout.timestamp, metadataLimits.timestamp)) === undefined) {
    if (trusted.timestamp === undefined) return undefined;
    throw untrusted(destination, channel, 'it was published before, and is gone');
  }
  // No clock: an expired channel can be read, so that it can be renewed.
  const outcome = await followChannel({ trusted, clock: 0, builtAt: 0, read });
  if (outcome.kind === 'fresh') return outcome;
  throw untrusted(destination, channel, outcome.refusal.message);
}

function untrusted({ name }: Destination, channel: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'CHANNEL_UNTRUSTED',
    class: 'input',
    message: `Cannot go on from channel ${channel} at ${name}: ${reason}`,
    hint: 'Somebody changed it, or other keys made it. Put back what was published last, or publish to an empty place.',
  });
}
