import { KeelsonError } from '../errors/keelson-error.ts';
import { layOutChannel, type Publication, type PublishOptions } from './lay-out-channel.ts';
import { planReleases, type ReleaseChange } from './plan-releases.ts';
import { readChannel, type StandingChannel } from './read-channel.ts';

/** Lays a change of a channel out at its destination; machines see the old channel until the last file is in its place. */
export async function publishChannel(
  options: PublishOptions,
  change: Omit<ReleaseChange, 'start'> & { readonly start?: number },
): Promise<Publication> {
  const standing = await readStanding(options, change.isOlderAllowed);
  const releases = planReleases(standing?.index.releases ?? [], { start: options.now, ...change });
  if (releases.length === 0) throw nothingToPublish(options.channel);
  return layOutChannel(options, standing, {
    releases,
    bundles: change.bundles,
    action: describeChange(change),
  });
}

/**
 * Signs the timestamp again before it expires, and snapshot and targets too when less than half of their time is left and
 * their signers are there.
 */
export async function refreshChannel(
  options: PublishOptions,
  { isOlderAllowed }: { readonly isOlderAllowed: boolean },
): Promise<Publication> {
  const standing = await readStanding(options, isOlderAllowed);
  if (standing === undefined) throw nothingToPublish(options.channel);
  return layOutChannel(options, standing, {
    releases: standing.index.releases,
    bundles: [],
    action: 'refresh',
  });
}

async function readStanding(
  options: PublishOptions,
  isOlderAllowed: boolean,
): Promise<StandingChannel | undefined> {
  const { destination, channel, roots, record, now } = options;
  const standing = await readChannel({ destination, channel, firstRoot: roots[0] ?? '', record });
  if (standing === undefined) return undefined;
  if (standing.index.signedAt > now) throw clockBehind(standing);
  // Without a record, whoever rules the destination could put back an old state and have it signed anew.
  if (standing.index.expiresAt > now || isOlderAllowed || record !== undefined) return standing;
  throw new KeelsonError({
    code: 'CHANNEL_EXPIRED',
    class: 'input',
    message: `Cannot go on from channel ${channel} at ${destination.name}: it expired, so it may be an old copy`,
    hint: 'See whether its history ends with what you published last, then say --allow-older once.',
  });
}

function describeChange({ bundles, pause, waves, minimumVersion }: Omit<ReleaseChange, 'start'>): string {
  if (bundles.length > 0) return 'publish';
  if (pause !== undefined) return pause ? 'pause' : 'resume';
  return waves !== undefined || minimumVersion !== undefined ? 'change' : 'refresh';
}

function nothingToPublish(channel: string): KeelsonError {
  return new KeelsonError({
    code: 'CHANNEL_EMPTY',
    class: 'input',
    message: `Cannot publish channel ${channel}: there is nothing in it yet`,
    hint: 'Name an update bundle: `keelson publish BUNDLE --channel … --to …`.',
  });
}

function clockBehind({ index }: StandingChannel): KeelsonError {
  const signedAt = new Date(index.signedAt * 1000).toISOString();
  return new KeelsonError({
    code: 'CLOCK_BEHIND',
    class: 'environment',
    message: `Cannot publish: the channel was signed at ${signedAt}, and this computer's clock is before that`,
    hint: 'Set the clock.',
  });
}
