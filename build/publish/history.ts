import { channelLayout, formatInstant } from '../contract/channel.ts';
import type { Layout, PublishOptions } from './lay-out-channel.ts';
import type { IndexFiles } from './make-index.ts';

/** One line of what was done to a channel. Unsigned: for people, and the files that it names are signed. */
interface HistoryEntry {
  readonly at: string;
  readonly action: string;
  readonly targets: number;
  readonly snapshot: number;
  readonly timestamp: number;
  readonly releases: readonly {
    readonly compatible: string;
    readonly version: string;
    readonly isPaused: boolean;
  }[];
}

const keptEntries = 1000;
const limitBytes = 4 * 1024 * 1024;

/** Adds an entry, in place of one that a publisher left who was cut off before the timestamp. */
export async function appendHistory(
  { destination, channel, now }: PublishOptions,
  { action, releases }: Layout,
  files: IndexFiles,
): Promise<void> {
  const path = `${channel}/${channelLayout.history}`;
  const entries = parseEntries((await destination.read(path, limitBytes))?.toString());
  const entry: HistoryEntry = {
    at: formatInstant(now),
    action,
    targets: files.targets.version,
    snapshot: files.snapshot.version,
    timestamp: files.timestamp.version,
    releases: releases.map(({ compatible, version, rollout }) => ({
      compatible,
      version,
      isPaused: rollout.isPaused,
    })),
  };
  const kept = entries.filter(({ timestamp }) => timestamp < entry.timestamp).slice(1 - keptEntries);
  const text = `${JSON.stringify({ format: 1, entries: [...kept, entry] }, null, 1)}\n`;
  await destination.write(path, { bytes: Buffer.from(text) }, 'current');
}

/** A damaged history is begun anew: nothing depends on it. */
function parseEntries(text: string | undefined): HistoryEntry[] {
  try {
    const value = JSON.parse(text ?? '') as { entries?: unknown };
    return Array.isArray(value.entries)
      ? value.entries.filter((entry): entry is HistoryEntry => typeof entry?.timestamp === 'number')
      : [];
  } catch {
    return [];
  }
}
