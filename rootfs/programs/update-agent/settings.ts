import { channelNamePattern } from '../../../build/contract/channel.ts';
import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { compareVersions } from '../../../build/contract/release-version.ts';
import type { Device } from '../device.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import type { InstalledRelease } from '../shared/tuf/judge-bundle.ts';
import { type MaintenanceWindow, weekDays } from '../shared/tuf/maintenance-window.ts';
import { readJson, updatePaths } from '../shared/update/update-record.ts';

/** system-services/update/files/settings.json.hbs: what the recipe says. */
export interface UpdateSettings {
  readonly format: 1;
  readonly compatible: string;
  /** Top of what was published, without a slash at its end; empty: there is no channel. */
  readonly url: string;
  readonly channel: string;
  readonly intervalMinutes: number;
  readonly minimumVersion: string;
  readonly windows: readonly MaintenanceWindow[];
  /** Whether the channel's server is told what became of updates. */
  readonly report: boolean;
}

export const settingsPath = '/usr/lib/update/settings.json';

export function readSettings(device: Device): UpdateSettings {
  const settings = readJson<UpdateSettings>(device, settingsPath);
  if (settings === undefined) throw new Error(`${settingsPath} is missing or damaged`);
  const joined = { ...settings, ...readOwnerSettings(device) };
  return { ...joined, url: joined.url.replace(/\/+$/, '') };
}

/** What this machine runs, and what it must not go below. */
export function readInstalled(
  device: Device,
  settings: UpdateSettings,
): InstalledRelease & { readonly builtAt: EngineFile['builtAt'] } {
  const { version, builtAt } = readEngineFile(device);
  const kept = readJson<{ minimumVersion?: string }>(device, updatePaths.minimum)?.minimumVersion;
  const isHigher = kept !== undefined && compareVersions(kept, settings.minimumVersion) > 0;
  return {
    compatible: settings.compatible,
    version,
    builtAt,
    minimumVersion: isHigher ? kept : settings.minimumVersion,
  };
}

/** What is trusted comes from the image alone; where it is looked for, and when, the owner may say. */
const ownerSettingsPath = '/run/keelson/files/update.json';

function readOwnerSettings(device: Device): Partial<UpdateSettings> {
  const found = readJson<Record<string, unknown>>(device, ownerSettingsPath);
  if (typeof found !== 'object' || found === null) return {};
  const { url, channel, intervalMinutes, windows, report } = found;
  return {
    ...(typeof url === 'string' && /^(https?:\/\/\S+)?$/.test(url) ? { url } : {}),
    ...(typeof channel === 'string' && channelNamePattern.test(channel) ? { channel } : {}),
    ...(typeof intervalMinutes === 'number' && intervalMinutes >= 1 ? { intervalMinutes } : {}),
    ...(typeof report === 'boolean' ? { report } : {}),
    ...(Array.isArray(windows) && windows.every(isWindow) ? { windows } : {}),
  };
}

function isWindow(value: unknown): value is MaintenanceWindow {
  const { days, startMinute, lengthMinutes } = (value ?? {}) as Record<string, unknown>;
  const isWithin = (number: unknown, least: number, most: number) =>
    Number.isSafeInteger(number) && (number as number) >= least && (number as number) <= most;
  return (
    Array.isArray(days) &&
    days.every((day) => weekDays.includes(day)) &&
    isWithin(startMinute, 0, 1439) &&
    isWithin(lengthMinutes, 1, 1440)
  );
}
