import { findPartition } from '../boot-backend/boot-partition.ts';
import type { Device } from '../device.ts';
import { readBootFile } from '../shared/boot-file.ts';
import {
  addToHistory,
  readBaseline,
  readBootId,
  readJson,
  type StagedUpdate,
  type UpdateSource,
  type UpdateState,
  updatePaths,
  writeState,
} from '../shared/update/update-record.ts';
import type { Accepted, Judged } from './judge.ts';

export type Downloading = Extract<UpdateState, { phase: 'downloading' }>;

export type InstallOutcome =
  | { readonly kind: 'staged'; readonly update: StagedUpdate }
  /** Looked at, and not wanted: trying again would change nothing. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Something on the way broke. */
  | { readonly kind: 'failed'; readonly message: string };

/** Writes a bundle to the slot that does not run; what was there before is gone from its first byte on. */
export function installBundle(device: Device, download: Downloading, accepted: Accepted): InstallOutcome {
  const boot = readBootFile(device);
  if (boot === undefined) return { kind: 'failed', message: 'nobody knows which slot runs' };
  for (const slot of ['a', 'b'] as const) {
    device.makeLink(findPartition(device, boot.disk, `root-${slot}`), `${updatePaths.runtime}/root-${slot}`);
  }
  device.makeFolder(`${updatePaths.folder}/rauc`, 0o700);
  device.remove(updatePaths.judged);
  device.writeFile(updatePaths.accepted, JSON.stringify(accepted), 0o600);
  const before = readBaseline(device);
  const outcome = device.run(['/usr/lib/update/install', locationOf(download.source)]);
  device.remove(updatePaths.accepted);
  const judged = readJson<Judged>(device, updatePaths.judged);
  if (outcome.exitCode !== 0) return explain(judged, `${outcome.stdout}\n${outcome.stderr}`);
  if (judged === undefined) return { kind: 'failed', message: 'RAUC installed something that nobody judged' };
  const update: StagedUpdate = {
    source: download.source,
    version: judged.offered.version,
    slot: boot.slot === 'a' ? 'b' : 'a',
    fromVersion: boot.version,
    ...(download.bundleSha256 === undefined ? {} : { bundleSha256: download.bundleSha256 }),
    imageSha256: judged.offered.imageSha256,
    before,
    bootId: readBootId(device),
  };
  return { kind: 'staged', update };
}

function locationOf(source: UpdateSource): string {
  if (source.kind === 'other-slot') throw new Error('there is nothing to install from the other slot');
  return source.location;
}

/** What RAUC says of bundles that it would refuse every time. */
const refusals: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/signature verification failed|Failed to verify|Verify error|certificate/i, 'BUNDLE_UNSIGNED'],
  [/compatible/i, 'BUNDLE_INCOMPATIBLE'],
  [
    /not identified|No valid bundle|Invalid bundle|signature size|shorter|too small|trailing/i,
    'BUNDLE_DAMAGED',
  ],
  [/larger than|too large|not enough space|exceeds/i, 'BUNDLE_TOO_LARGE'],
];

function explain(judged: Judged | undefined, output: string): InstallOutcome {
  if (judged?.refusal !== undefined) return { kind: 'refused', ...judged.refusal };
  const lines = output.split('\n').map((line) => line.trim());
  const message =
    lines
      .find((line) => line.startsWith('LastError:'))
      ?.slice('LastError:'.length)
      .trim() ??
    lines.findLast((line) => /error|failed/i.test(line)) ??
    lines.findLast((line) => line !== '') ??
    'no reason given';
  const code = refusals.find(([pattern]) => pattern.test(message))?.[1];
  return code === undefined ? { kind: 'failed', message } : { kind: 'refused', code, message };
}

/** The outcome as a record and the next state. */
export function recordOutcome(device: Device, download: Downloading, outcome: InstallOutcome): UpdateState {
  const at = Math.floor(device.now() / 1000);
  const boot = readBootFile(device);
  const common = {
    at,
    fromVersion: boot?.version ?? 'unknown',
    source: download.source,
    ...(download.bundleSha256 === undefined ? {} : { bundleSha256: download.bundleSha256 }),
  };
  if (outcome.kind === 'staged') {
    const { version, slot } = outcome.update;
    const state: UpdateState = { phase: 'staged', update: outcome.update, restartAt: download.restartAt };
    writeState(device, state);
    addToHistory(device, { ...common, event: 'staged', version, slot, reasons: [] });
    return state;
  }
  const { kind, message } = outcome;
  const state: UpdateState = { phase: 'idle', checkedAt: at, message };
  addToHistory(device, {
    ...common,
    event: kind,
    ...(download.version === undefined ? {} : { version: download.version }),
    ...(kind === 'refused' ? { code: outcome.code } : {}),
    reasons: [message],
  });
  writeState(device, state);
  return state;
}
