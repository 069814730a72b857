import type { ChannelRelease } from '../../../build/contract/channel.ts';
import type { Device } from '../device.ts';
import {
  type InstalledRelease,
  judgeBundle,
  matchRelease,
  type OfferedBundle,
} from '../shared/tuf/judge-bundle.ts';
import type { Refusal } from '../shared/tuf/refusal.ts';
import {
  readJson,
  readState,
  type StagedUpdate,
  updatePaths,
  writeState,
} from '../shared/update/update-record.ts';
import { makeRoom } from './make-room.ts';

/** What may be installed. */
export interface Permission {
  readonly installed: InstalledRelease;
  /** Left out when a person named the bundle: then it must only be newer, and signed. */
  readonly fromChannel?: { readonly release: ChannelRelease; readonly expiresAt: number };
}

/** What an installation in progress may write. */
export interface Accepted extends Permission {
  /** What is known of the update before its bundle is open. */
  readonly update: Omit<StagedUpdate, 'version' | 'imageSha256'>;
}

/** What an accepted bundle becomes in its slot. */
export function stagedUpdate({ update }: Accepted, { version, imageSha256 }: OfferedBundle): StagedUpdate {
  return { ...update, version, imageSha256 };
}

/** What the handler saw, for the agent. */
export interface Judged {
  readonly offered: OfferedBundle;
  readonly refusal?: Refusal;
}

/**
 * RAUC's pre-install handler: the signature is good, nothing has been written yet.
 * https://rauc.readthedocs.io/en/v1.13/reference.html#handlers-section: RAUC_META_…, RAUC_IMAGE_…
 */
export function judge(device: Device): number {
  const accepted = readJson<Accepted>(device, updatePaths.accepted);
  if (accepted === undefined) return refuse(device, 'nobody asked for this installation');
  const offered: OfferedBundle = {
    // RAUC compares it itself, before it writes.
    compatible: accepted.installed.compatible,
    version: device.environmentVariable('RAUC_META_UPDATE_VERSION') ?? '',
    sequence: Number(device.environmentVariable('RAUC_META_UPDATE_SEQUENCE') ?? 'NaN'),
    imageSha256: ofTarget(device, 'RAUC_IMAGE_DIGEST'),
  };
  try {
    const refusal = findRefusal(device, offered, accepted);
    const judged: Judged = { offered, ...(refusal && { refusal }) };
    device.writeFile(updatePaths.judged, JSON.stringify(judged), 0o600);
    if (refusal !== undefined) return refuse(device, `${refusal.code}: ${refusal.message}`);
    const state = readState(device);
    if (state.phase === 'downloading') {
      writeState(device, { ...state, update: stagedUpdate(accepted, offered) });
    }
    return 0;
  } catch (error) {
    return refuse(device, error instanceof Error ? error.message : String(error));
  }
}

function findRefusal(
  device: Device,
  offered: OfferedBundle,
  { installed, fromChannel }: Accepted,
): Refusal | undefined {
  const image = `${device.environmentVariable('RAUC_BUNDLE_MOUNT_POINT')}/${ofTarget(device, 'RAUC_IMAGE_NAME')}`;
  return (
    judgeBundle(offered, installed) ??
    (fromChannel === undefined
      ? undefined
      : matchRelease(offered, fromChannel, Math.floor(device.now() / 1000))) ??
    // Last, for it may change the disk.
    makeRoom(device, image, offered)
  );
}

/** Variables with a number are those of a slot; only a slot that is about to be written has an image. */
function ofTarget(device: Device, variable: string): string {
  const [target = '1'] = (device.environmentVariable('RAUC_TARGET_SLOTS') ?? '1').split(' ');
  return device.environmentVariable(`${variable}_${target}`) ?? '';
}

/** RAUC shows lines that begin so as its own errors. */
function refuse(device: Device, message: string): number {
  device.print(`<< error ${message}`);
  return 1;
}
