import type { Device } from '../device.ts';
import { nextOpening } from '../shared/tuf/maintenance-window.ts';
import { type Baseline, readBootId, type UpdateState, writeState } from '../shared/update/update-record.ts';
import { type BaselineLook, readFullBaseline } from './read-full-baseline.ts';
import type { UpdateSettings } from './settings.ts';

/** A container that was well and is not at this moment, or an engine that does not answer: busy machines have that for a while. */
const patienceSeconds = 120;
const pauseSeconds = 10;
/** While a maintenance window is far away. */
const longestPauseSeconds = 600;

/** Gives the seconds until the next look at a version that waits in its slot. */
export function awaitRestart(
  device: Device,
  settings: UpdateSettings,
  state: Extract<UpdateState, { phase: 'staged' }>,
): number {
  // The new version runs, or the gate has not yet said why it does not.
  if (readBootId(device) !== state.update.bootId) return pauseSeconds;
  const at = Math.floor(device.now() / 1000);
  // The owner may have opened an earlier window meanwhile.
  const left = Math.min(state.restartAt, nextOpening(settings.windows, at)) - at;
  // A container may have been removed since, or started.
  const look = readFullBaseline(device, state.update.before);
  const unsettled = describeUnsettled(look);
  const since = unsettled === undefined ? undefined : (state.unsettledSince ?? at);
  // A clock that was put back ends the wait: it must have an end.
  const isPatient = since !== undefined && at >= since && at - since < patienceSeconds;
  const next: typeof state = {
    phase: 'staged',
    update: { ...state.update, before: isPatient ? withUnwell(look) : look.before },
    restartAt: state.restartAt,
    ...(since === undefined ? {} : { unsettledSince: since }),
  };
  if (JSON.stringify(next) !== JSON.stringify(state)) writeState(device, next);
  if (left > 0) return Math.min(left, longestPauseSeconds);
  if (isPatient) {
    device.printError(`update: the restart waits up to ${patienceSeconds} s: ${unsettled}`);
    return pauseSeconds;
  }
  if (unsettled !== undefined) device.printError(`update: it cannot be waited for any longer: ${unsettled}`);
  device.printError(`update: restarting to try version ${state.update.version}`);
  device.run(['initctl', '--batch', 'reboot']);
  return 60;
}

function describeUnsettled({ before, unwell }: BaselineLook): string | undefined {
  const sentences = [
    ...unwell.map(({ engine, name }) => `container ${name} of ${engine} was well and is not`),
    ...(before.workloadsFault === undefined ? [] : [`containers of users: ${before.workloadsFault}`]),
  ];
  return sentences.length === 0 ? undefined : sentences.join('; ');
}

function withUnwell({ before, unwell }: BaselineLook): Baseline {
  const workloads = [...(before.workloads ?? []), ...unwell];
  return workloads.length === 0 ? before : { ...before, workloads };
}
