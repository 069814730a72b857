import { otherSlot } from '../../../build/contract/boot-plan.ts';
import { findPartition } from '../boot-backend/boot-partition.ts';
import type { Device } from '../device.ts';
import type { BootFile } from '../shared/boot-file.ts';
import { clearLedger, readLedger, writeLedger } from '../shared/boot-ledger.ts';
import { tellConsole } from '../shared/console.ts';
import { addToHistory, isStateOnDisk } from '../shared/update/update-record.ts';
import { lookAtServices, writeNotice } from './look-at-health.ts';

/** Long enough for a small machine under load: what is not up then will be so at the next start, or is no matter of the disk. */
const patienceSeconds = 90;
const settleSeconds = 20;
const pauseMs = 4000;

/**
 * The end of an ordinary boot: the ledger of unclean boots is cleared, or, when services are not well and the root has
 * blocks that cannot be read, `rotten`: then the machine is to start again, and after three such starts the initramfs gives
 * the slot up. What is not well on an intact root is a matter of its owner: no other version would help.
 */
export function watchForRot(device: Device, boot: BootFile, isOtherGood: boolean): 'well' | 'rotten' {
  const reasons = awaitServices(device, boot);
  const damage = reasons.length === 0 ? undefined : findDamage(device, boot);
  if (damage === undefined || !isOtherGood) {
    closeLedger(device, boot);
    return 'well';
  }
  const reason = `${reasons.join('; ')}; ${damage}`;
  tellConsole(device, `slot ${boot.slot} is damaged: ${reason}. Restarting.`);
  noteInLedger(device, boot, reason);
  return 'rotten';
}

/** This start has come to a good end. A ledger that cannot be written must not keep a machine from running. */
export function closeLedger(device: Device, { disk, askedSlot }: BootFile): void {
  try {
    clearLedger(device, findPartition(device, disk, `root-${askedSlot}`));
  } catch (error) {
    device.printError(String(error));
  }
}

/** The initramfs has left the other slot: that goes on record, once. */
export function tellOfLeftSlot(device: Device, boot: BootFile, isOnRecord: boolean): void {
  try {
    const slot = otherSlot(boot.slot);
    const partition = findPartition(device, boot.disk, `root-${slot}`);
    const ledger = readLedger(device, partition);
    if (ledger?.state !== 'left') return;
    if (!isOnRecord) {
      const why = ledger.reason === '' ? '' : `: ${ledger.reason}`;
      const reason = `slot ${slot} was started ${ledger.starts} times and did not prove healthy${why}`;
      const text = `version ${ledger.version} was left, ${boot.version} runs: ${reason}`;
      tellConsole(device, text);
      writeNotice(device, `V${text.slice(1)}. See \`keelctl update history\`.`);
      addToHistory(device, {
        at: Math.floor(device.now() / 1000),
        event: 'demoted',
        fromVersion: ledger.version,
        version: boot.version,
        slot,
        source: { kind: 'other-slot' },
        reasons: [reason],
      });
    }
    if (isStateOnDisk(device)) writeLedger(device, partition, { ...ledger, state: 'told' });
  } catch (error) {
    device.printError(String(error));
  }
}

function noteInLedger(device: Device, { disk, askedSlot }: BootFile, reason: string): void {
  try {
    const partition = findPartition(device, disk, `root-${askedSlot}`);
    const ledger = readLedger(device, partition);
    if (ledger !== undefined) writeLedger(device, partition, { ...ledger, reason });
  } catch (error) {
    device.printError(String(error));
  }
}

/**
 * Reasons when the services did not come to be well. Two looks at the same starts will do on an intact root; where blocks are
 * damaged, a service that dies of it again and again is well in between, and must stay up for a while.
 */
function awaitServices(device: Device, boot: BootFile): readonly string[] {
  const begin = uptime(device);
  let wellSince: number | undefined;
  let fingerprint: string | undefined;
  for (;;) {
    const look = lookAtServices(device);
    const at = uptime(device);
    if (look.isHopeless) return look.reasons;
    if (look.reasons.length > 0 || look.fingerprint !== fingerprint) wellSince = undefined;
    fingerprint = look.fingerprint;
    if (look.reasons.length === 0) {
      const wellSeconds = at - (wellSince ?? at);
      const isSettled =
        findDamage(device, boot) === undefined ? wellSince !== undefined : wellSeconds >= settleSeconds;
      if (isSettled) return [];
      wellSince ??= at;
    }
    if (at - begin > patienceSeconds) {
      return look.reasons.length > 0 ? look.reasons : ['the services did not come to rest'];
    }
    device.sleep(pauseMs);
  }
}

/** What the kernel said of blocks of this slot: dm-verity's messages, and those of the disk. */
function findDamage(device: Device, { disk, partition }: BootFile): string | undefined {
  const number = (name: string) => Number(device.readFile(`/sys/class/block/${partition}/${name}`));
  const first = number('start');
  const end = first + number('size');
  for (const line of device.run(['busybox', 'dmesg']).stdout.split('\n')) {
    const [, corrupted] = /verity: .*\b((?:data|metadata) block \d+) is corrupted/.exec(line) ?? [];
    if (corrupted !== undefined) return `${corrupted} of its root is corrupted`;
    const [, name, sector] = / error, dev (\S+), sector (\d+) op 0x0:/.exec(line) ?? [];
    if (name === disk && Number(sector) >= first && Number(sector) < end) {
      return `sector ${sector} of the disk cannot be read`;
    }
  }
  return undefined;
}

/** Not the wall clock: it may be set at any time. */
function uptime(device: Device): number {
  return Number.parseFloat(device.readFile('/proc/uptime') ?? '0');
}
