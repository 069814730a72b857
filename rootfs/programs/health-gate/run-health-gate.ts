import { type BootSlot, bootEntries, chooseEntry } from '../../../build/contract/boot-entries.ts';
import { getState, otherSlot } from '../../../build/contract/boot-plan.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import { findPartition, withBootPartition } from '../boot-backend/boot-partition.ts';
import { readFolder } from '../boot-backend/read-folder.ts';
import type { Device } from '../device.ts';
import { type BootFile, readBootFile } from '../shared/boot-file.ts';
import { tellConsole } from '../shared/console.ts';
import {
  readBootId,
  readJson,
  readState,
  recordUpdate,
  type StagedUpdate,
  type TrialBoot,
  type UpdateState,
  writeState,
} from '../shared/update/update-record.ts';
import { lookAtHealth, writeNotice } from './look-at-health.ts';
import { closeLedger, tellOfLeftSlot, watchForRot } from './watch-for-rot.ts';

/** `/etc/keelson/health-gate.json` of a recipe may say others. */
interface GateSettings {
  /** From the start of the gate. Long: a small machine under load must not lose a good version. Less than 900, after which the gate is ended. */
  readonly deadlineSeconds: number;
  /** A service that dies again and again is well in between. */
  readonly settleSeconds: number;
}

export const usualSettings: GateSettings = { deadlineSeconds: 300, settleSeconds: 20 };
const settingsPath = '/etc/keelson/health-gate.json';

const pauseMs = 2000;
/** There while there is no verdict: see rootfs/layers/updates/files/health-gate. */
const trialMark = `${machineLayout.runtime}/trial`;

/**
 * Runs once at each boot. When the boot loader counts the boots of the version that runs, this decides whether they are
 * counted no more, or whether the machine returns to what it ran before. Otherwise it tidies up and says what became of a
 * version that did not come this far.
 */
export function runHealthGate(device: Device): number {
  const boot = readBootFile(device);
  if (boot === undefined) {
    device.printError('nobody knows which slot runs: nothing to decide');
    return 0;
  }
  const state = adopt(device, boot, readState(device));
  const entry = attempt(device, () => readOwnEntry(device, boot));
  const pending = state.phase === 'staged' || state.phase === 'trial' ? state : undefined;
  const isFirst = pending !== undefined && pending.update.bootId === readBootId(device);
  const hasReturned = pending !== undefined && !isFirst && pending.update.slot !== boot.slot;
  if (hasReturned) {
    recordReturn(device, boot, pending, entry?.otherTriesDone ?? 0);
  }
  tellOfLeftSlot(device, boot, hasReturned);
  if (entry?.isCounted === true) {
    const isOurs = pending !== undefined && pending.update.slot === boot.slot;
    return holdTrial(device, boot, entry, isOurs ? pending : undefined);
  }
  if (pending !== undefined && !isFirst && pending.update.slot === boot.slot) {
    // The power went away between the verdict and its record.
    commit(device, pending.update);
    tellKept(device, boot);
  }
  backend(device, 'repair');
  return watchForRot(device, boot, entry?.isOtherGood === true) === 'rotten' ? restart(device) : 0;
}

/** The power went away when the boot loader had the version, and the agent had not yet put that down. */
function adopt(device: Device, boot: BootFile, state: UpdateState): UpdateState {
  if (state.phase !== 'downloading' || state.update === undefined) return state;
  const { update, restartAt } = state;
  if (update.slot !== boot.slot || update.version !== boot.version) return state;
  const staged = { phase: 'staged', update, restartAt } as const;
  attempt(device, () => {
    writeState(device, staged);
    recordUpdate(device, 'staged', update);
  });
  return staged;
}

interface OwnEntry {
  readonly isCounted: boolean;
  readonly triesLeft: number;
  readonly hasOther: boolean;
  /** The boot loader would take it before this one, were this one bad. */
  readonly isOtherGood: boolean;
  /** How often the boot loader started the other. */
  readonly otherTriesDone: number;
}

function readOwnEntry(device: Device, { slot, disk }: BootFile): OwnEntry {
  const devices = { a: findPartition(device, disk, 'root-a'), b: findPartition(device, disk, 'root-b') };
  return withBootPartition(device, disk, (folderPath) => {
    const folder = readFolder(device, folderPath, slot, devices);
    const entriesOf = (of: BootSlot) => bootEntries(folder.files).filter((each) => each.slot === of);
    const entry = chooseEntry(entriesOf(slot));
    const other = chooseEntry(entriesOf(otherSlot(slot)));
    const isOtherGood = getState(folder, otherSlot(slot)) === 'good';
    return {
      isCounted: entry?.tries !== undefined,
      triesLeft: entry?.tries?.left ?? 0,
      hasOther: other !== undefined && (isOtherGood || folder.slots[otherSlot(slot)] !== undefined),
      isOtherGood,
      otherTriesDone: other?.tries?.done ?? 0,
    };
  });
}

type Pending = Extract<UpdateState, { phase: 'staged' | 'trial' }>;

function holdTrial(device: Device, boot: BootFile, entry: OwnEntry, pending: Pending | undefined): number {
  const bootId = readBootId(device);
  const earlier = pending?.phase === 'trial' ? pending.boots.filter((each) => each.bootId !== bootId) : [];
  const record = (reasons: readonly string[]) => {
    if (pending === undefined) return;
    attempt(device, () =>
      writeState(device, {
        phase: 'trial',
        update: pending.update,
        boots: [...earlier, { bootId, reasons }],
      }),
    );
  };
  tellConsole(device, `version ${boot.version} is on trial`);
  device.writeFile(trialMark, '');
  // Should the machine hang or lose power now, this boot stands as one that came to no verdict.
  record([]);
  const reasons = awaitHealth(device, pending?.update);
  if (reasons.length === 0) {
    const outcome = backend(device, 'set-state', boot.slot, 'good');
    if (outcome !== undefined) {
      record([`the boot loader could not be told: ${outcome}`]);
      return restart(device);
    }
    device.remove(trialMark);
    closeLedger(device, boot);
    if (pending !== undefined) attempt(device, () => commit(device, pending.update));
    tellKept(device, boot);
    backend(device, 'repair');
    return 0;
  }
  record(reasons);
  for (const reason of reasons) tellConsole(device, `version ${boot.version} is not well: ${reason}`);
  // Both were given up by the initramfs: half a machine is better than none.
  const isLastResort = pending === undefined && entry.triesLeft === 0 && !entry.isOtherGood;
  if (!entry.hasOther || isLastResort) {
    device.remove(trialMark);
    closeLedger(device, boot);
    tellConsole(device, 'there is no better version to return to');
    return 0;
  }
  // The same fault in two boots is no bad luck.
  const isSame = earlier.some((each) => each.reasons.join('\n') === reasons.join('\n'));
  if (isSame || entry.triesLeft === 0) backend(device, 'set-state', boot.slot, 'bad');
  return restart(device);
}

/** Looks until all has been well for a while; reasons when it did not come to that. */
function awaitHealth(device: Device, update: StagedUpdate | undefined): readonly string[] {
  const begin = uptime(device);
  let wellSince: number | undefined;
  let fingerprint = '';
  const { deadlineSeconds, settleSeconds } = readSettings(device);
  for (;;) {
    const look = lookAtHealth(device, update?.before);
    const at = uptime(device);
    if (look.reasons.length > 0 || look.fingerprint !== fingerprint) wellSince = undefined;
    fingerprint = look.fingerprint;
    if (look.reasons.length === 0) {
      wellSince ??= at;
      if (at - wellSince >= settleSeconds) return [];
    }
    if (look.isHopeless) return look.reasons;
    if (at - begin > deadlineSeconds) {
      return look.reasons.length > 0 ? look.reasons : ['the services did not come to rest'];
    }
    device.sleep(pauseMs);
  }
}

function readSettings(device: Device): GateSettings {
  const found = readJson<Partial<Record<keyof GateSettings, unknown>>>(device, settingsPath) ?? {};
  const take = (name: keyof GateSettings): number => {
    const value = found[name];
    return typeof value === 'number' && value >= 1 && value <= 800 ? value : usualSettings[name];
  };
  return { deadlineSeconds: take('deadlineSeconds'), settleSeconds: take('settleSeconds') };
}

function tellKept(device: Device, { version }: BootFile): void {
  tellConsole(device, `version ${version} is well and is kept`);
}

function commit(device: Device, update: StagedUpdate): void {
  const { version, before } = update;
  const doubt = before.workloadsFault;
  recordUpdate(
    device,
    'committed',
    update,
    doubt === undefined ? [] : [`not measured by all containers of users: ${doubt}`],
  );
  writeState(device, { phase: 'committed', version, at: Math.floor(device.now() / 1000) });
}

/** The machine runs the old version again. */
function recordReturn(device: Device, boot: BootFile, pending: Pending, triesDone: number): void {
  const { update } = pending;
  const boots = pending.phase === 'trial' ? pending.boots : [];
  const reasons = explainReturn(boots, triesDone, boot, update);
  const { version } = update;
  attempt(device, () => {
    recordUpdate(device, 'rolled-back', update, reasons);
    const at = Math.floor(device.now() / 1000);
    writeState(device, { phase: 'rolled-back', version, reasons, at });
  });
  const text = `version ${version} was tried and left, ${boot.version} runs again: ${reasons.join('; ')}`;
  tellConsole(device, text);
  writeNotice(
    device,
    `The update to ${version} was rolled back: ${reasons.join('; ')}. See \`keelctl update history\`.`,
  );
}

function explainReturn(
  boots: readonly TrialBoot[],
  triesDone: number,
  boot: BootFile,
  update: StagedUpdate,
): readonly string[] {
  const told = [...new Set(boots.flatMap(({ reasons }) => reasons))];
  if (told.length > 0) return told;
  const refused = boot.refused.map(({ partition, reason }) => `${partition}: ${reason}`);
  if (refused.length > 0) return refused;
  // Some may not have come as far as this gate: the boot loader counts them all.
  const starts = Math.max(boots.length, triesDone);
  return boots.length > 0
    ? [
        `it started ${starts === 1 ? 'once' : `${starts} times`} and came to no verdict: it hung, panicked or lost power`,
      ]
    : [`it never came as far as its services: the kernel or the root of slot ${update.slot} did not start`];
}

/** What went wrong, in words; `undefined` when it was done. */
function backend(device: Device, ...words: readonly string[]): string | undefined {
  const outcome = device.run(['/usr/lib/keelson/boot-backend', ...words]);
  if (outcome.exitCode === 0) return undefined;
  const message = outcome.stderr.trim() || `exit code ${outcome.exitCode}`;
  device.printError(`boot-backend ${words.join(' ')}: ${message}`);
  return message;
}

function restart(device: Device): number {
  device.run(['sync']);
  device.run(['initctl', '--batch', 'reboot']);
  return 0;
}

/** Not the wall clock: it may be set in the middle of a trial. */
function uptime(device: Device): number {
  return Number.parseFloat(device.readFile('/proc/uptime') ?? '0');
}

/** A damaged state partition or boot partition must not keep the gate from its verdict. */
function attempt<Result>(device: Device, action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    device.printError(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
