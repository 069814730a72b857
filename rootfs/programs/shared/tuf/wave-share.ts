import { sha256 } from '@noble/hashes/sha2.js';
import { type Rollout, wholeShare } from '../../../../build/contract/channel.ts';

/**
 * A machine's place in every rollout: a number from 0 to a million, fixed by its machine id, evenly spread over machines. The
 * id itself never leaves the machine.
 */
export function shareOfMachine(machineId: string): number {
  const digest = sha256(
    Uint8Array.from(`keelson wave ${machineId}`, (character) => character.charCodeAt(0) & 0xff),
  );
  const number = new DataView(digest.buffer, digest.byteOffset).getUint32(0);
  return Math.floor((number / 2 ** 32) * wholeShare);
}

/** When a machine of that share may take the release, in seconds since the epoch; `undefined` when no wave reaches it. */
export function opensAt(rollout: Rollout, share: number): number | undefined {
  const wave = rollout.waves.find(({ sharePerMillion }) => share < sharePerMillion);
  return wave === undefined ? undefined : rollout.start + wave.startAfterSeconds;
}
