import { resolve } from 'node:path';
import { channelNamePattern, formatInstant, type RolloutWave } from '../contract/channel.ts';
import { releaseVersionPattern } from '../contract/release-version.ts';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type Keys, signersFor } from '../keys/open-keys.ts';
import { openRoots } from '../publish/channel-roots.ts';
import type { Destination } from '../publish/destination.ts';
import { defaultLifetimes, type Publication, type PublishOptions } from '../publish/lay-out-channel.ts';
import { openDestination } from '../publish/open-destination.ts';
import { publishChannel, refreshChannel } from '../publish/publish-channel.ts';
import { readRecord, recordPath, writeRecord } from '../publish/publish-record.ts';
import { readBundleFacts } from '../publish/read-bundle-facts.ts';
import { parseDuration, parseWaves } from '../publish/waves.ts';
import type { Workshop } from '../tools/workshop.ts';
import { openSigning, type SigningOptions } from './open-signing.ts';
import { type CommandContext, withSession } from './session.ts';

export interface PublishCommandOptions extends SigningOptions {
  readonly to: string;
  readonly channel: string;
  readonly waves?: string;
  readonly start?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly minimum?: string;
  readonly keep: number;
  readonly allowOlder?: boolean;
  readonly expires?: string;
  readonly refresh?: boolean;
  readonly renewRoot?: boolean;
  readonly sshKey?: string;
}

/** `keelson publish BUNDLE… --to PLACE`: releases in a channel, or a change of how they are rolled out. */
export async function runPublishCommand(
  context: CommandContext,
  bundles: readonly string[],
  options: PublishCommandOptions,
): Promise<Publication> {
  const wanted = checkOptions(bundles, options);
  const publication = await withSession(context, async ({ workshop }) => {
    const keys = await openSigning(context, workshop, options);
    const { host } = workshop;
    const destination = await openDestination(host, options.to, {
      workingFolder: context.workingFolder,
      sshKey: options.sshKey,
    });
    try {
      return await publish(context, workshop, { keys, destination, bundles, options, wanted });
    } finally {
      await destination.close();
    }
  });
  if (context.isJson) context.writeOut(JSON.stringify({ type: 'published', ...withoutRecord(publication) }));
  else for (const line of describe(publication, options.to)) context.writeOut(line);
  return publication;
}

interface Wanted {
  readonly waves?: readonly RolloutWave[];
  readonly start?: number;
  readonly timestampSeconds: number;
}

interface Publishing {
  readonly keys: Keys;
  readonly destination: Destination;
  readonly bundles: readonly string[];
  readonly options: PublishCommandOptions;
  readonly wanted: Wanted;
}

async function publish(
  context: CommandContext,
  workshop: Workshop,
  { keys, destination, bundles, options, wanted }: Publishing,
): Promise<Publication> {
  const { host, emit } = workshop;
  const { channel, keep, minimum } = options;
  const isOlderAllowed = options.allowOlder === true;
  const facts = [];
  for (const bundle of bundles) {
    facts.push(await readBundleFacts(workshop, resolve(context.workingFolder, bundle), keys));
  }
  const place = recordPath(host, destination.name, channel);
  const publishing: PublishOptions = {
    destination,
    channel,
    roots: await openRoots(keys, { isRenewed: options.renewRoot === true }),
    signers: {
      targets: signersFor(keys, 'tuf-targets'),
      snapshot: signersFor(keys, 'tuf-snapshot'),
      timestamp: signersFor(keys, 'tuf-timestamp'),
    },
    now: Math.floor(host.now() / 1000),
    lifetimes: { ...defaultLifetimes, timestamp: wanted.timestampSeconds },
    record: isOlderAllowed ? undefined : await readRecord(place),
    onRenewalFailed: ({ message }) =>
      emit({
        type: 'warning',
        message: `What is released ends before long and could not be signed again: ${message}`,
      }),
  };
  const isRefresh = options.refresh === true;
  const publication = isRefresh
    ? await refreshChannel(publishing, { isOlderAllowed })
    : await publishChannel(publishing, {
        bundles: facts,
        isOlderAllowed,
        keep,
        ...(wanted.waves === undefined ? {} : { waves: wanted.waves }),
        ...(wanted.start === undefined ? {} : { start: wanted.start }),
        ...(minimum === undefined ? {} : { minimumVersion: minimum }),
        ...(options.pause === true ? { pause: true } : options.resume === true ? { pause: false } : {}),
      });
  await writeRecord(place, publication.record);
  return publication;
}

function checkOptions(bundles: readonly string[], options: PublishCommandOptions): Wanted {
  const { channel, minimum, start, expires, waves } = options;
  if (!channelNamePattern.test(channel)) {
    throw wrong(`"${channel}" is not a name of a channel`, 'Use lower-case letters, digits and dashes.');
  }
  if (options.pause === true && options.resume === true) {
    throw wrong('--pause and --resume exclude each other', 'Say one of them.');
  }
  const isChange =
    bundles.length > 0 ||
    [options.pause, options.resume, waves, minimum].some((value) => value !== undefined) ||
    options.renewRoot === true;
  if (isChange === (options.refresh === true)) {
    throw isChange
      ? wrong('--refresh changes nothing but signatures', 'Leave out --refresh, or the bundles and changes.')
      : wrong(
          'there is nothing to do',
          'Name an update bundle, or --pause, --resume, --waves, --minimum, --refresh.',
        );
  }
  if (minimum !== undefined && !releaseVersionPattern.test(minimum)) {
    throw wrong(`"${minimum}" is not a version`, 'Give it as YYYY.MM.N.');
  }
  const startSeconds = start === undefined ? undefined : Date.parse(start) / 1000;
  if (startSeconds !== undefined && !Number.isInteger(startSeconds)) {
    throw wrong(`"${start}" is not a time`, 'Give it as 2026-12-01T08:00:00Z.');
  }
  const timestampSeconds = expires === undefined ? defaultLifetimes.timestamp : parseDuration(expires);
  if (timestampSeconds === undefined || timestampSeconds < 3600) {
    throw wrong(`"${expires}" is not a time of an hour or more`, 'Give it as 7d or 36h.');
  }
  return {
    timestampSeconds,
    ...(waves === undefined ? {} : { waves: parseWaves(waves) }),
    ...(startSeconds === undefined ? {} : { start: startSeconds }),
  };
}

function wrong(what: string, hint: string): KeelsonError {
  return new KeelsonError({
    code: 'PUBLISH_OPTIONS_INVALID',
    class: 'input',
    message: `Cannot publish: ${what}`,
    hint,
  });
}

function withoutRecord({ record: _record, ...rest }: Publication): Omit<Publication, 'record'> {
  return rest;
}

function describe(
  { channel, releases, versions, expiresAt, uploadedBundles }: Publication,
  to: string,
): string[] {
  const rows = releases.map(({ compatible, version, minimumVersion, rollout }) => {
    const last = rollout.waves.at(-1);
    const share = rollout.isPaused
      ? 'paused'
      : `${rollout.waves.length} ${rollout.waves.length === 1 ? 'wave' : 'waves'} up to ${(last?.sharePerMillion ?? 0) / 10_000} %`;
    return `  ${compatible} ${version}  ${share}, from ${formatInstant(rollout.start)}, minimum ${minimumVersion}`;
  });
  return [
    `${channel} at ${to}: index ${versions.timestamp}, ${uploadedBundles.length} bundles uploaded`,
    ...rows,
    `  renew before ${formatInstant(expiresAt)}: keelson publish --refresh --channel ${channel} --to ${to}`,
  ];
}
