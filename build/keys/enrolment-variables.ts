import { type EfiVariableName, efiVariableNames } from './efi-variable-names.ts';
import type { Keys } from './open-keys.ts';

/** The `.auth` files for systemd-boot's /loader/keys/auto, or for a firmware's own menu. */
export function enrolmentVariables(keys: Keys): ReadonlyMap<EfiVariableName, Uint8Array> {
  return new Map(
    efiVariableNames.flatMap((name) => {
      const kept = keys.file.enrolment[name];
      return kept === undefined ? [] : [[name, Buffer.from(kept.auth, 'base64')] as const];
    }),
  );
}
