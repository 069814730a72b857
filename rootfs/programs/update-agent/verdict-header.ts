import type { Device } from '../device.ts';
import {
  readHistory,
  readJson,
  type UpdateRecord,
  updatePaths,
  writeJson,
} from '../shared/update/update-record.ts';

/** README.md of system-services/update shows it to who runs the server. */
const headerName = 'Keelson-Verdict';
const longestReasons = 300;

/** What became of the newest update, until a server has heard it; `undefined` when there is nothing to tell. */
export function verdictHeader(device: Device): string | undefined {
  const record = newestVerdict(device);
  if (record === undefined || record.at <= toldUntil(device)) return undefined;
  const { event, version = '', fromVersion, code, reasons } = record;
  // What an HTTP header may hold in quotes (RFC 9110, 5.6.4), of ASCII.
  const words = [...(code === undefined ? [] : [code]), ...reasons]
    .join('; ')
    .replaceAll(/[^ -~]/g, '?')
    .replaceAll(/["\\]/g, "'")
    .slice(0, longestReasons);
  const reason = words === '' ? '' : `; reason="${words}"`;
  return `${headerName}: ${event}; version=${version}; from=${fromVersion}${reason}`;
}

/** The server has answered a request that carried it. */
export function noteVerdictTold(device: Device): void {
  const record = newestVerdict(device);
  if (record !== undefined && record.at > toldUntil(device)) {
    writeJson(device, updatePaths.told, { at: record.at });
  }
}

function newestVerdict(device: Device): UpdateRecord | undefined {
  return readHistory(device).findLast(({ event }) => event !== 'staged');
}

function toldUntil(device: Device): number {
  return readJson<{ at?: number }>(device, updatePaths.told)?.at ?? 0;
}
