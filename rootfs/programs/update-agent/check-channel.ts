import { bundlePath } from '../../../build/contract/channel.ts';
import type { Device } from '../device.ts';
import { decideUpdate, type UpdateDecision } from '../shared/tuf/decide-update.ts';
import { type IndexReply, type IndexRequest, refreshIndex } from '../shared/tuf/refresh-index.ts';
import type { Refusal } from '../shared/tuf/refusal.ts';
import { type ChannelIndex, openTrust } from '../shared/tuf/trusted-index.ts';
import {
  readHistory,
  readPolicy,
  type UpdateRecord,
  updatePaths,
  writeJson,
} from '../shared/update/update-record.ts';
import { readInstalled, type UpdateSettings } from './settings.ts';
import { noteVerdictTold, verdictHeader } from './verdict-header.ts';

const imageRootPath = '/usr/lib/keelson/trust/channel-root.json';

export type CheckOutcome =
  | { readonly kind: 'no-channel' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | {
      readonly kind: 'decided';
      readonly decision: UpdateDecision;
      readonly index: ChannelIndex;
      readonly bundleUrl: (sha256: string) => string;
    };

/** One look at the channel: what is trusted of it is kept, whatever comes of it. */
export function checkChannel(device: Device, settings: UpdateSettings, isAskedFor: boolean): CheckOutcome {
  const imageRoot = device.readFile(imageRootPath);
  if (settings.url === '' || imageRoot === undefined) return { kind: 'no-channel' };
  const installed = readInstalled(device, settings);
  const opened = openTrust({
    imageRoot,
    channel: settings.channel,
    kept: device.readFile(updatePaths.trust),
  });
  const clock = Math.floor(device.now() / 1000);
  const work = refreshIndex({ trusted: opened.trusted, clock, builtAt: installed.builtAt });
  let step = work.next();
  while (step.done !== true) step = work.next(fetchFile(device, settings, step.value));
  const outcome = step.value;
  device.makeFolder(updatePaths.folder, 0o700);
  if (JSON.stringify(outcome.trusted) !== device.readFile(updatePaths.trust)?.trim()) {
    writeJson(device, updatePaths.trust, outcome.trusted);
  }
  if (outcome.kind === 'refused') return { kind: 'refused', refusal: outcome.refusal };
  if (settings.report) noteVerdictTold(device);
  const policy = readPolicy(device);
  const decision = decideUpdate(
    outcome.index,
    {
      ...installed,
      machineId: device.readFile('/etc/machine-id')?.trim() ?? '',
      ...(policy.pinnedVersion === undefined ? {} : { pinnedVersion: policy.pinnedVersion }),
      isPaused: policy.isPaused,
      windows: settings.windows,
      failedBundles: leftBundles(readHistory(device)),
      isClockSet: clock >= installed.builtAt,
      isAskedFor,
    },
    outcome.now,
  );
  if (decision.minimumVersion !== installed.minimumVersion) {
    writeJson(device, updatePaths.minimum, { minimumVersion: decision.minimumVersion });
  }
  const bundleUrl = (sha256: string) => `${settings.url}/${bundlePath(sha256)}`;
  return { kind: 'decided', decision, index: outcome.index, bundleUrl };
}

/** Those that were rolled back, and those that a person went back from: not taken again unless a person says so. */
export function leftBundles(history: readonly UpdateRecord[]): readonly string[] {
  const leftVersions = history
    .filter(({ event, source }) => event === 'staged' && source.kind === 'other-slot')
    .map(({ fromVersion }) => fromVersion);
  return history.flatMap(({ event, version, bundleSha256 }) => {
    const isLeft = event === 'rolled-back' || (event === 'committed' && leftVersions.includes(version ?? ''));
    return isLeft && bundleSha256 !== undefined ? [bundleSha256] : [];
  });
}

/** For the health gate: the signatures are not its business, only whether a later version could come this way. */
export function reachChannel(device: Device, settings: UpdateSettings): number {
  if (settings.url === '') {
    device.printError('this machine has no channel');
    return 1;
  }
  const { exitCode, stdout } = device.run([
    ...['curl', '--silent', '--location', '--max-redirs', '3', '--proto', '=http,https'],
    ...['--max-time', '15', '--output', '/dev/null', '--write-out', '%{http_code}'],
    `${settings.url}/${settings.channel}/timestamp.json`,
  ]);
  if (exitCode === 0 && stdout === '200') return 0;
  device.printError(
    `the channel does not answer (${exitCode === 0 ? `HTTP ${stdout}` : `curl ended with ${exitCode}`})`,
  );
  return 1;
}

/** curl's own codes, curl(1): 63 is a file that is too large. */
function fetchFile(device: Device, settings: UpdateSettings, request: IndexRequest): IndexReply {
  const { path, limitBytes } = request;
  const file = `${updatePaths.runtime}/fetched`;
  device.remove(file);
  const verdict = settings.report ? verdictHeader(device) : undefined;
  const { exitCode, stdout, stderr } = device.run([
    ...['curl', '--silent', '--show-error', '--location', '--max-redirs', '3', '--proto', '=http,https'],
    ...['--max-time', '60', '--connect-timeout', '20', '--max-filesize', String(limitBytes)],
    ...(verdict === undefined ? [] : ['--header', verdict]),
    ...['--output', file, '--write-out', '%{http_code}', `${settings.url}/${settings.channel}/${path}`],
  ]);
  if (exitCode === 63) return { kind: 'too-large' };
  if (exitCode !== 0) return { kind: 'failed', reason: stderr.trim() || `curl ended with ${exitCode}` };
  if (stdout === '404' || stdout === '403') return { kind: 'missing' };
  if (stdout !== '200') return { kind: 'failed', reason: `the server answered ${stdout}` };
  // One byte more than allowed tells a file that is too large.
  const bytes = device.readBytes(file, 0, limitBytes + 1) ?? new Uint8Array(0);
  return bytes.length > limitBytes ? { kind: 'too-large' } : { kind: 'content', bytes };
}
