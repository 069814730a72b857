import { findPartition } from '../boot-backend/boot-partition.ts';
import { readTrailer } from '../boot-backend/read-folder.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import {
  type RestingState,
  readBootId,
  readState,
  recordUpdate,
  type UpdateRequest,
  updatePaths,
  writeState,
} from '../shared/update/update-record.ts';
import { answer, answerWhoWaits, refuseRequest, takeRequest } from './answer-request.ts';
import { awaitRestart } from './await-restart.ts';
import { checkChannel, reachChannel } from './check-channel.ts';
import { describeCheck } from './describe-check.ts';
import { interrupted } from './explain-failure.ts';
import { type Downloading, installBundle, recordOutcome } from './install.ts';
import { judge, type Permission } from './judge.ts';
import { withMedium } from './open-medium.ts';
import { readFullBaseline } from './read-full-baseline.ts';
import { readInstalled, readSettings, type UpdateSettings } from './settings.ts';
import { keepReserve } from './state-reserve.ts';

/** An installation that breaks is tried again: the network comes and goes. */
const mostAttempts = 3;

/** A request waits too, until the health gate has let go of the EFI system partition. */
const gatePauseSeconds = 5;

/** How long a machine waits for its first look after it started, so that those of one power cut do not come together. */
const firstLookSeconds = 120;

/**
 * `agent run`: does what is to be done now and prints how many seconds there is nothing to do. `agent judge`: RAUC's
 * pre-install handler. `agent reach`: whether the channel answers, for the health gate. What is known is on state before
 * each step, so that the power may go at any line.
 */
export function runUpdateAgent(device: Device): number {
  const [verb] = device.arguments;
  if (verb === 'judge') return judge(device);
  if (verb === 'reach') return reachChannel(device, readSettings(device));
  if (verb !== 'run') {
    device.printError('Use: agent run | judge | reach');
    return 2;
  }
  try {
    device.print(String(Math.max(1, Math.ceil(run(device)))));
    return 0;
  } catch (error) {
    device.printError(`update: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** Gives the seconds until the next look. */
function run(device: Device): number {
  if (device.status(updatePaths.gateIsDone) === undefined) return gatePauseSeconds;
  keepReserve(device);
  const settings = readSettings(device);
  const request = takeRequest(device);
  const state = readState(device);
  switch (state.phase) {
    case 'staged':
      return request === undefined
        ? awaitRestart(device, settings, state)
        : refuseRequest(device, request, 'an update waits for its restart');
    case 'trial':
      // The health gate decides.
      return request === undefined ? 30 : refuseRequest(device, request, 'a version is on trial');
    case 'downloading':
      if (request === undefined) return resume(device, settings, state);
      if (state.source.kind === 'channel') {
        return refuseRequest(device, request, 'an update is being installed');
      }
      // What a person asked for was cut off; somebody asks again before that is on record.
      resume(device, settings, state);
      return carryOut(device, settings, request, { phase: 'idle' });
    case 'checking':
      // The power went away during a look.
      return request === undefined
        ? lookWhenDue(device, settings, state.before, { isDue: true, attempt: state.attempt })
        : carryOut(device, settings, request, state.before);
    default:
      return request === undefined
        ? lookWhenDue(device, settings, state)
        : carryOut(device, settings, request, state);
  }
}

function lookWhenDue(
  device: Device,
  settings: UpdateSettings,
  state: RestingState,
  { isDue = false, attempt = 1 } = {},
): number {
  const interval = settings.intervalMinutes * 60;
  if (settings.url === '') return 86_400;
  const uptime = Number.parseFloat(device.readFile('/proc/uptime') ?? '0');
  const jitter = 0.75 + Math.random() / 2;
  if (uptime < 60) return firstLookSeconds * jitter;
  const elapsed = now(device) - (state.checkedAt ?? 0);
  if (!isDue && elapsed >= 0 && elapsed < interval * 0.7) return (interval - elapsed) * jitter;
  const next = look(device, settings, state, false, { attempt });
  return next ?? interval * jitter;
}

/** One look at the channel; gives seconds when something follows at once. */
function look(
  device: Device,
  settings: UpdateSettings,
  state: RestingState,
  isAskedFor: boolean,
  { request, attempt = 1 }: { readonly request?: UpdateRequest; readonly attempt?: number } = {},
): number | undefined {
  writeState(device, { phase: 'checking', before: state, attempt });
  const outcome = checkChannel(device, settings, isAskedFor);
  const message = describeCheck(outcome);
  device.printError(`update: ${message}`);
  const mayInstall = request === undefined || request.action === 'install';
  if (outcome.kind === 'decided' && outcome.decision.kind === 'install' && mayInstall) {
    const { release, restartAt } = outcome.decision;
    const download: Downloading = {
      phase: 'downloading',
      source: { kind: 'channel', location: outcome.bundleUrl(release.sha256) },
      version: release.version,
      bundleSha256: release.sha256,
      restartAt,
      attempt,
    };
    answer(device, request, {
      isDone: false,
      isWell: true,
      message: `installing version ${release.version}`,
    });
    const fromChannel = { release, expiresAt: outcome.index.expiresAt };
    return install(device, settings, download, { fromChannel }, request);
  }
  const checkedAt = now(device);
  writeState(
    device,
    state.phase === 'idle' ? { phase: 'idle', checkedAt, message } : { ...state, checkedAt },
  );
  if (outcome.kind === 'refused' && outcome.refusal.isAlarm) device.printError(`update: ALARM ${message}`);
  if (request !== undefined) {
    const isWell = outcome.kind === 'decided' && outcome.decision.kind !== 'refused';
    const code = outcome.kind === 'refused' ? outcome.refusal.code : undefined;
    answer(device, request, { isDone: true, isWell, message, ...(code === undefined ? {} : { code }) });
  }
  return undefined;
}

function install(
  device: Device,
  settings: UpdateSettings,
  download: Downloading,
  bound: Pick<Permission, 'fromChannel'>,
  request?: UpdateRequest,
): number {
  writeState(device, download);
  device.printError(`update: installing ${JSON.stringify(download.source)}`);
  const { compatible, version, minimumVersion } = readInstalled(device, settings);
  const accepted: Permission = { installed: { compatible, version, minimumVersion }, ...bound };
  const outcome =
    request?.medium === undefined
      ? installBundle(device, download, accepted)
      : withMedium(device, request.medium, (path) => installBundle(device, download, accepted, path));
  const isToRetry =
    outcome.kind === 'failed' && download.source.kind === 'channel' && download.attempt < mostAttempts;
  if (isToRetry) {
    device.printError(`update: attempt ${download.attempt} failed: ${outcome.message}`);
    return 60 * download.attempt;
  }
  const state = recordOutcome(device, download, outcome);
  if (outcome.kind === 'staged') {
    const { version: staged, slot } = outcome.update;
    device.printError(`update: version ${staged} is in slot ${slot}`);
    answer(device, request, {
      isDone: true,
      isWell: true,
      message: `version ${staged} is in slot ${slot} and is tried at the next start`,
    });
    return state.phase === 'staged' ? awaitRestart(device, settings, state) : 1;
  }
  const { kind, code, message } = outcome;
  device.printError(`update: ${kind}: ${code}: ${message}`);
  answer(device, request, { isDone: true, isWell: false, message, code });
  return settings.intervalMinutes * 60;
}

/** The power went away, or this container ended, in the middle of it: it begins anew, and what is there is not fetched again. */
function resume(device: Device, settings: UpdateSettings, download: Downloading): number {
  if (download.source.kind !== 'channel') {
    // A person's file may be gone, and nobody waits for an answer after a restart.
    const message = 'the installation was interrupted';
    recordOutcome(device, download, interrupted(message));
    answerWhoWaits(device, message);
    return 1;
  }
  answerWhoWaits(device, 'the installation was interrupted, and is tried again by itself');
  if (download.attempt >= mostAttempts) {
    recordOutcome(device, download, interrupted(`interrupted ${mostAttempts} times`));
    return settings.intervalMinutes * 60;
  }
  // The channel may say something else by now; what this look does not confirm is not installed.
  const attempt = download.attempt + 1;
  return look(device, settings, { phase: 'idle' }, false, { attempt }) ?? settings.intervalMinutes * 60;
}

function carryOut(
  device: Device,
  settings: UpdateSettings,
  request: UpdateRequest,
  state: RestingState,
): number {
  const { location } = request;
  if (request.action === 'rollback') return rollBack(device, settings, request);
  if (request.action === 'install' && location !== undefined) {
    const kind = /^https?:\/\//.test(location) ? 'url' : 'file';
    answer(device, request, { isDone: false, isWell: true, message: `installing ${location}` });
    return install(
      device,
      settings,
      { phase: 'downloading', source: { kind, location }, restartAt: now(device), attempt: 1 },
      {},
      request,
    );
  }
  return (
    look(device, settings, state, request.action === 'install', { request }) ?? settings.intervalMinutes * 60
  );
}

/** What the other slot holds goes through the same trial. */
function rollBack(device: Device, settings: UpdateSettings, request: UpdateRequest): number {
  const boot = readBootFile(device);
  if (boot === undefined) return refuseRequest(device, request, 'nobody knows which slot runs');
  const slot = boot.slot === 'a' ? 'b' : 'a';
  const outcome = device.run(['/usr/lib/update/boot-backend', 'set-primary', slot]);
  if (outcome.exitCode !== 0) return refuseRequest(device, request, outcome.stderr.trim());
  const source = { kind: 'other-slot' } as const;
  const at = now(device);
  const update = {
    source,
    version: readOtherVersion(device, boot.disk, slot),
    slot,
    fromVersion: boot.version,
    before: readFullBaseline(device).before,
    bootId: readBootId(device),
  } as const;
  const state = { phase: 'staged', update, restartAt: at } as const;
  writeState(device, state);
  recordUpdate(device, 'staged', update, ['asked for by a person']);
  answer(device, request, {
    isDone: true,
    isWell: true,
    message: `slot ${slot} with version ${update.version} is tried now`,
  });
  return awaitRestart(device, settings, state);
}

/** Of what the slot holds. */
function readOtherVersion(device: Device, disk: string, slot: 'a' | 'b'): string {
  return readTrailer(device, findPartition(device, disk, `root-${slot}`)).version;
}

function now(device: Device): number {
  return Math.floor(device.now() / 1000);
}
