import type { Device } from '../device.ts';

const recordFile = '/var/lib/container-starter/record.json';

/** What outlives a boot. */
export interface StarterRecord {
  readonly format: 1;
  /** Of the machine. */
  readonly version: string;
  /** Containers that this version has started. */
  readonly names: readonly string[];
  /** Those of the version that ran before it: which of them it lacks, it lacks on purpose. */
  readonly namesBefore: readonly string[];
  /** Ids of images that were loaded from a root. */
  readonly images: readonly string[];
}

/** The record as this version goes on with it; begun anew when it is lost. */
export function readRecord(device: Device): StarterRecord {
  const version = /^VERSION_ID="?([^"\n]*)/m.exec(device.readFile('/usr/lib/os-release') ?? '')?.[1] ?? '';
  const nothing = { format: 1, version, names: [], namesBefore: [], images: [] } as const;
  try {
    const kept = JSON.parse(device.readFile(recordFile) ?? '') as StarterRecord;
    if (kept.format !== 1) return nothing;
    return kept.version === version ? kept : { ...kept, version, namesBefore: kept.names };
  } catch {
    return nothing;
  }
}

export function writeRecord(device: Device, record: StarterRecord): void {
  const text = `${JSON.stringify(record)}\n`;
  if (device.readFile(recordFile) !== text) device.writeFileDurably(recordFile, text, 0o600);
}
