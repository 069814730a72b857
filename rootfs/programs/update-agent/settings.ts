import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { compareVersions } from '../../../build/contract/release-version.ts';
import type { Device } from '../device.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import type { InstalledRelease } from '../shared/tuf/judge-bundle.ts';
import type { MaintenanceWindow } from '../shared/tuf/maintenance-window.ts';
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
}

export const settingsPath = '/usr/lib/update/settings.json';

export function readSettings(device: Device): UpdateSettings {
  const settings = readJson<UpdateSettings>(device, settingsPath);
  if (settings === undefined) throw new Error(`${settingsPath} is missing or damaged`);
  return { ...settings, url: settings.url.replace(/\/+$/, '') };
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
