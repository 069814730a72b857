import { slotBlockBytes } from './slot-layout.ts';

/**
 * The ledger of unclean boots: how often a slot was started since it last proved healthy. It is written by
 * rootfs/initramfs/ledger.sh at each start and cleared by the health gate. It lies in the last whole block of the slot's
 * partition, which no image reaches. Two equal lines of ASCII in the first 512 bytes, which a disk writes whole or not at all,
 * then zeros: what is not exactly so, or was said of another root, counts as an empty ledger. Pure, for QuickJS too.
 *
 *     keelson-ledger 1 ROOT-HASH VERSION STARTS STATE REASON…
 */
export interface BootLedger {
  /** Lower-case hexadecimal, of the image that was started. */
  readonly rootHash: string;
  readonly version: string;
  readonly starts: number;
  /** `left`: the initramfs has given the slot up for the other one. `told`: and that is on record. */
  readonly state: 'open' | 'left' | 'told';
  /** What is known of the last failure; may be empty. */
  readonly reason: string;
}

const longestReason = 120;
const linePattern =
  /^keelson-ledger 1 ([0-9a-f]{64}) ([0-9][0-9.]{0,63}) (0|[1-9][0-9]{0,4}) (open|left|told) ?([\x20-\x7e]*)$/;

/** Where the ledger lies in a slot's partition of `sizeSectors` (of 512 bytes, as /sys/class/block/NAME/size tells). */
export function ledgerBlock(sizeSectors: number): number {
  return Math.floor(sizeSectors / (slotBlockBytes / 512)) - 1;
}

export function formatLedger({ rootHash, version, starts, state, reason }: BootLedger): string {
  const words = reason
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, longestReason)
    .trim();
  const line = `keelson-ledger 1 ${rootHash} ${version} ${starts} ${state} ${words}\n`;
  return line + line;
}

/** `undefined` for an empty one. */
export function parseLedger(block: Uint8Array): BootLedger | undefined {
  let text = '';
  for (const code of block.subarray(0, 512)) text += String.fromCharCode(code);
  const [line = '', copy] = text.split('\n');
  const [, rootHash, version, starts, state, reason] = linePattern.exec(line) ?? [];
  if (line !== copy || rootHash === undefined || version === undefined) return undefined;
  return {
    rootHash,
    version,
    starts: Number(starts),
    state: state as BootLedger['state'],
    reason: reason?.trim() ?? '',
  };
}
