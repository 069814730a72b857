import { findPartition } from '../boot-backend/boot-partition.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import {
  addToHistory,
  readBootId,
  readJson,
  recordUpdate,
  type StagedUpdate,
  type UpdateSource,
  type UpdateState,
  updatePaths,
  writeState,
} from '../shared/update/update-record.ts';
import { askServer } from './ask-server.ts';
import { explainFailure, type FailureOutcome } from './explain-failure.ts';
import { type Accepted, type Judged, type Permission, stagedUpdate } from './judge.ts';
import { readFullBaseline } from './read-full-baseline.ts';

export type Downloading = Extract<UpdateState, { phase: 'downloading' }>;

export type InstallOutcome = { readonly kind: 'staged'; readonly update: StagedUpdate } | FailureOutcome;

/** Writes a bundle to the slot that does not run; what was there before is gone from its first byte on. */
export function installBundle(
  device: Device,
  download: Downloading,
  { installed, fromChannel }: Permission,
  location = locationOf(download.source),
): InstallOutcome {
  const boot = readBootFile(device);
  if (boot === undefined) return failure('nobody knows which slot runs');
  const isRemote = download.source.kind !== 'file';
  const answer = isRemote ? askServer(device, location, fromChannel?.release.sizeBytes) : undefined;
  if (answer !== undefined) return answer;
  for (const slot of ['a', 'b'] as const) {
    device.makeLink(findPartition(device, boot.disk, `root-${slot}`), `${updatePaths.runtime}/root-${slot}`);
  }
  device.makeFolder(`${updatePaths.folder}/rauc`, 0o700);
  device.remove(updatePaths.judged);
  const accepted: Accepted = {
    installed,
    ...(fromChannel === undefined ? {} : { fromChannel }),
    update: {
      source: download.source,
      slot: boot.slot === 'a' ? 'b' : 'a',
      fromVersion: boot.version,
      ...(download.bundleSha256 === undefined ? {} : { bundleSha256: download.bundleSha256 }),
      before: readFullBaseline(device).before,
      bootId: readBootId(device),
    },
  };
  device.writeFile(updatePaths.accepted, JSON.stringify(accepted), 0o600);
  const outcome = device.run(['/usr/lib/update/install', location]);
  device.remove(updatePaths.accepted);
  const judged = readJson<Judged>(device, updatePaths.judged);
  if (outcome.exitCode !== 0) {
    return explainFailure(judged, `${outcome.stdout}\n${outcome.stderr}`, isRemote);
  }
  if (judged === undefined) return failure('RAUC installed something that nobody judged');
  return { kind: 'staged', update: stagedUpdate(accepted, judged.offered) };
}

function failure(message: string): FailureOutcome {
  return { kind: 'failed', code: 'INSTALL_FAILED', message };
}

function locationOf(source: UpdateSource): string {
  if (source.kind === 'other-slot') throw new Error('there is nothing to install from the other slot');
  return source.location;
}

/** The outcome as a record and the next state. */
export function recordOutcome(device: Device, download: Downloading, outcome: InstallOutcome): UpdateState {
  if (outcome.kind === 'staged') {
    const { update } = outcome;
    const state: UpdateState = { phase: 'staged', update, restartAt: download.restartAt };
    writeState(device, state);
    recordUpdate(device, 'staged', update);
    return state;
  }
  const at = Math.floor(device.now() / 1000);
  const { kind, code, message } = outcome;
  const state: UpdateState = { phase: 'idle', checkedAt: at, message };
  addToHistory(device, {
    at,
    event: kind,
    fromVersion: readBootFile(device)?.version ?? 'unknown',
    source: download.source,
    ...(download.version === undefined ? {} : { version: download.version }),
    ...(download.bundleSha256 === undefined ? {} : { bundleSha256: download.bundleSha256 }),
    code,
    reasons: [message],
  });
  writeState(device, state);
  return state;
}
