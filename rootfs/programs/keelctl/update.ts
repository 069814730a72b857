import { releaseVersionPattern } from '../../../build/contract/release-version.ts';
import type { Device } from '../device.ts';
import { readBootRepair } from '../shared/boot-repair.ts';
import {
  type Baseline,
  readHistory,
  readJson,
  readPolicy,
  readState,
  type UpdateAnswer,
  type UpdateRecord,
  type UpdateRequest,
  type UpdateState,
  updatePaths,
  writeJson,
} from '../shared/update/update-record.ts';
import { CommandFailed, type ExitCode, type Invocation, type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { findMedium } from './find-medium.ts';

const usage =
  'update check | install [FILE|URL] | status | history | rollback | pause | resume | pin VERSION | unpin';

/** Folders that the service of updates sees under the same names. */
const sharedFolders = ['/root/', '/home/', '/run/', '/var/lib/keelson/'];
const pollMs = 500;
/** Longer than anything takes: the service may have died. */
const patienceSeconds = 3600;

export const update: KeelctlCommand = {
  usage,
  summary: 'look for updates, install one, see what became of the last ones, go back',
  audience: 'people',
  operands: [1, 2],
  run(device, invocation) {
    const [verb = '', operand] = invocation.operands;
    switch (verb) {
      case 'status':
        return showStatus(device, invocation);
      case 'history':
        return showHistory(device, invocation);
      case 'check':
        return ask(device, invocation, { action: 'check' });
      case 'install':
        return ask(device, invocation, {
          action: 'install',
          ...(operand === undefined ? {} : locate(device, operand)),
        });
      case 'rollback':
        return ask(device, invocation, { action: 'rollback' });
      case 'pause':
      case 'resume':
        return changePolicy(device, invocation, { isPaused: verb === 'pause' });
      case 'pin':
      case 'unpin':
        return pin(device, invocation, verb === 'pin' ? operand : undefined, verb);
      default:
        throw new CommandFailed(`There is no "update ${verb}". It is used so: keelctl ${usage}`, 2);
    }
  },
};

function locate(device: Device, operand: string): Pick<UpdateRequest, 'location' | 'medium'> {
  if (/^https?:\/\//.test(operand)) return { location: operand };
  const path = device.realPath(operand);
  if (path === undefined) throw new CommandFailed(`Cannot find ${operand}.`);
  if (sharedFolders.some((folder) => path.startsWith(folder))) return { location: path };
  const medium = findMedium(device, path);
  if (medium === undefined) {
    throw new CommandFailed(
      `Cannot install ${path}: only this session sees it. Copy it below /root or /home.`,
    );
  }
  // What this session wrote to it and the kernel did not yet.
  device.run(['sync']);
  return { location: path, medium };
}

function ask(device: Device, { isJson }: Invocation, wish: Omit<UpdateRequest, 'id'>): ExitCode {
  if (device.status(updatePaths.wake) === undefined) {
    throw new CommandFailed('Cannot reach the agent for updates: its service does not run on this machine.');
  }
  const id = `${device.now()}`;
  device.writeFile(`${updatePaths.request}.new`, JSON.stringify({ id, ...wish }), 0o600);
  device.rename(`${updatePaths.request}.new`, updatePaths.request);
  // Nobody listens while the agent is at work; then it sees the request at its next look.
  device.run(['timeout', '2', 'sh', '-c', `echo >${updatePaths.wake}`]);
  const deadline = device.now() + patienceSeconds * 1000;
  let told = '';
  for (;;) {
    const answer = readJson<UpdateAnswer>(device, updatePaths.answer);
    if (answer?.id === id) {
      if (answer.isDone) return finish(device, isJson, answer);
      if (answer.message !== told && !isJson) device.print(answer.message);
      told = answer.message;
    }
    if (device.now() > deadline)
      throw new CommandFailed('The agent for updates gave no answer. See `keelctl logs update`.');
    device.sleep(pollMs);
  }
}

function finish(device: Device, isJson: boolean, answer: UpdateAnswer): ExitCode {
  const { isWell, message, code } = answer;
  if (isJson) printJson(device, { isWell, message, ...(code === undefined ? {} : { code }) });
  else if (isWell) device.print(message);
  else device.printError(`keelctl: ${message}${code === undefined ? '' : ` [${code}]`}`);
  return isWell ? 0 : 1;
}

function showStatus(device: Device, { isJson }: Invocation): ExitCode {
  const state = readState(device);
  const policy = readPolicy(device);
  const { recipe, version } = readEngine(device);
  const last = readHistory(device).at(-1);
  const demotion = last?.event === 'demoted' ? last : undefined;
  const boot = readBootRepair(device);
  if (isJson) {
    printJson(device, {
      recipe,
      version,
      state,
      policy,
      ...(demotion && { demotion }),
      ...(boot && { boot }),
    });
    return 0;
  }
  device.print(`runs     ${recipe} ${version}`);
  device.print(`updates  ${describeState(state)}`);
  if (state.phase === 'staged' || state.phase === 'trial') {
    for (const line of describeWatched(state.update.before)) device.print(`watched  ${line}`);
  }
  if (demotion !== undefined) {
    const { fromVersion, at, reasons } = demotion;
    device.print(`damaged  version ${fromVersion} was left ${showTime(at)}: ${reasons.join('; ')}`);
  }
  if (policy.isPaused) device.print('policy   paused on this machine');
  if (policy.pinnedVersion !== undefined)
    device.print(`policy   goes no further than ${policy.pinnedVersion}`);
  for (const line of boot?.done ?? []) device.print(`boot     ${line}`);
  for (const line of boot?.faults ?? []) device.print(`boot     the machine may not start again: ${line}`);
  return 0;
}

function describeState(state: UpdateState): string {
  switch (state.phase) {
    case 'idle':
      return state.checkedAt === undefined
        ? 'nothing yet'
        : `looked ${showTime(state.checkedAt)}: ${state.message ?? 'nothing new'}`;
    case 'checking':
      return 'looking at the channel';
    case 'downloading':
      return `installing ${state.version ?? ''} from ${'location' in state.source ? state.source.location : 'the other slot'}`;
    case 'staged':
      return `version ${state.update.version} is in slot ${state.update.slot}, restart from ${showTime(state.restartAt)}`;
    case 'trial':
      return `version ${state.update.version} is on trial, boot ${state.boots.length}`;
    case 'committed':
      return `version ${state.version} was kept ${showTime(state.at)}`;
    case 'rolled-back':
      return `version ${state.version} was left ${showTime(state.at)}: ${state.reasons.join('; ')}`;
  }
}

/** Containers of users that the new version must bring back. */
function describeWatched({ workloads = [], workloadsFault }: Baseline): readonly string[] {
  return [
    ...workloads.map(({ engine, name }) => `container ${name} of ${engine}`),
    ...(workloadsFault === undefined ? [] : [`containers of users: ${workloadsFault}`]),
  ];
}

function showHistory(device: Device, { isJson }: Invocation): ExitCode {
  const history = readHistory(device);
  if (isJson) printJson(device, history);
  else if (history.length === 0) device.print('There has been no update yet.');
  else for (const record of history) device.print(describeRecord(record));
  return 0;
}

function describeRecord({ at, event, fromVersion, version, code, reasons }: UpdateRecord): string {
  const why = [...(code === undefined ? [] : [code]), ...reasons].join('; ');
  return `${showTime(at)}  ${event.padEnd(11)}  ${fromVersion} → ${version ?? '?'}${why === '' ? '' : `  ${why}`}`;
}

function pin(device: Device, invocation: Invocation, version: string | undefined, verb: string): ExitCode {
  if (verb === 'pin' && (version === undefined || !releaseVersionPattern.test(version))) {
    throw new CommandFailed('Give the newest version that this machine may take, such as 2026.11.3.', 2);
  }
  return changePolicy(device, invocation, { pinnedVersion: version });
}

function changePolicy(
  device: Device,
  { isJson }: Invocation,
  change: { readonly isPaused?: boolean; readonly pinnedVersion?: string | undefined },
): ExitCode {
  const policy = { ...readPolicy(device), ...change };
  device.makeFolder(updatePaths.folder, 0o700);
  writeJson(device, updatePaths.policy, policy);
  if (isJson) printJson(device, policy);
  else {
    const pinned = policy.pinnedVersion === undefined ? '' : `, no further than ${policy.pinnedVersion}`;
    device.print(`Updates are ${policy.isPaused ? 'paused' : 'on'}${pinned}.`);
  }
  return 0;
}

function showTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
