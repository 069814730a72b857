import { ownerDoubtFile, ownerListFile, type StartList } from '../../../build/contract/container.ts';
import type { EngineFile } from '../../../build/contract/engine-file.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import type { Device } from '../device.ts';
import { listConsoles } from '../shared/consoles.ts';
import { type LogTarget, logTargetsFile } from '../shared/log-target.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import { type Login, planLogins, writeAccountFiles } from './accounts.ts';
import { type Fault, renderFault } from './fault.ts';
import { findSeedVolume, keepSeedCopy, readSeedCopy, type Seed } from './find-seed.ts';
import { type MetaData, readMetaData } from './meta-data.ts';
import { readUserData, type UserData } from './user-data.ts';
import { isVolatile, writeRequestedFile } from './write-files.ts';

/** `/run/keelson/provision.json`. */
export interface ProvisionFile {
  readonly format: 1;
  readonly source: { readonly kind: Seed['kind']; readonly from: string } | { readonly kind: 'none' };
  readonly instanceId: string | undefined;
  readonly hostname: string;
  readonly users: readonly { readonly name: string; readonly uid: number; readonly sshKeys: number }[];
  readonly files: readonly string[];
  readonly ntp: UserData['ntp'];
  /** Where sessions of root land, when the seed says so. */
  readonly console: string | undefined;
  /** URLs. */
  readonly logTargets: readonly string[];
  /** Names. */
  readonly containers: readonly string[];
  /** What was asked for and not done. */
  readonly faults: readonly Fault[];
  readonly notes: readonly string[];
}

const stateFolder = `${machineLayout.state}/provision`;
const paths = {
  uids: `${stateFolder}/uids.json`,
  machineId: `${stateFolder}/machine-id`,
  /** The instance whose files have been written. */
  instance: `${stateFolder}/instance`,
  ntpSources: `${machineLayout.runtime}/ntp/sources.d`,
} as const;

/** Makes the machine its owner's: names, accounts, keys, files. A fault in the seed never stops it. */
export function provisionMachine(device: Device): void {
  const run = new Provisioning(device);
  run.provision();
}

class Provisioning {
  readonly #device: Device;
  readonly #faults: Fault[] = [];
  readonly #notes: string[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  provision(): void {
    const device = this.#device;
    device.makeFolder(machineLayout.runtimeEtc);
    device.makeFolder(machineLayout.authorizedKeys);
    device.makeFolder(paths.ntpSources);
    const engine = readEngineFile(device);
    this.#attempt('machine id', () => this.#setMachineId());

    const { seed, meta, data } = this.#readSeed(listConsoles(engine).map(({ name }) => name));
    const hostname = data.fqdn ?? data.hostname ?? meta.hostname ?? engine.hostname;
    const logins = this.#setAccounts(engine, data);
    this.#attempt('hostname', () => setHostname(device, data.hostname ?? hostname, hostname));
    this.#attempt('resolv.conf', () => this.#writeEtc('resolv.conf', ''));
    this.#attempt('time servers', () => writeTimeSources(device, data.ntp));
    this.#attempt('log targets', () => writeLogTargets(device, data.logTargets));
    this.#attempt('containers', () => this.#writeContainers(engine, data));
    const files = this.#writeFiles(data, meta.instanceId ?? 'unnamed');

    this.#writeReport({
      format: 1,
      source: seed === undefined ? { kind: 'none' } : { kind: seed.kind, from: seed.source },
      instanceId: meta.instanceId,
      hostname,
      users: logins.map(({ name, uid, sshKeys }) => ({ name, uid, sshKeys: sshKeys.length })),
      files,
      ntp: data.ntp,
      console: data.console,
      logTargets: data.logTargets.map(({ url }) => url),
      containers: data.containers.map(({ name }) => name),
      faults: this.#faults,
      notes: this.#notes,
    });
  }

  /** A volume that says nothing of use does not replace what an earlier one said. */
  #readSeed(consoles: readonly string[]): { seed: Seed | undefined; meta: MetaData; data: UserData } {
    const copy = this.#attempt('copy of the seed', () => readSeedCopy(this.#device));
    const seed = this.#attempt('seed', () => findSeedVolume(this.#device, copy === undefined, this.#faults));
    const read = seed && {
      seed,
      meta: readMetaData(seed.metaData),
      data: readUserData(seed.userData, consoles),
    };
    if (read !== undefined) {
      this.#faults.push(...read.meta.faults, ...read.data.faults);
      if (read.data.faults.length === 0 || isOfUse(read.data)) {
        this.#attempt('copy of the seed', () => keepSeedCopy(this.#device, read.seed));
        this.#notes.push(...read.data.notes);
        return read;
      }
    }
    if (copy === undefined) {
      return read ?? { seed: undefined, meta: readMetaData(''), data: readUserData('') };
    }
    const kept = {
      seed: copy,
      meta: readMetaData(copy.metaData),
      data: readUserData(copy.userData, consoles),
    };
    this.#faults.push(...kept.meta.faults, ...kept.data.faults);
    this.#notes.push(...kept.data.notes);
    return kept;
  }

  #setAccounts(engine: EngineFile, data: UserData): readonly Login[] {
    const known: Record<string, number> =
      this.#attempt('known users', () => JSON.parse(this.#device.readFile(paths.uids) ?? '{}')) ?? {};
    const { logins, notes } = planLogins(engine.users, data, known);
    this.#notes.push(...notes);
    const files = writeAccountFiles(logins);
    this.#attempt('passwd', () => this.#writeEtc('passwd', files.passwd));
    this.#attempt('group', () => this.#writeEtc('group', files.group));
    this.#attempt('shadow', () => this.#writeEtc('shadow', files.shadow, 0o600));
    for (const login of logins) {
      this.#attempt(`keys of ${login.name}`, () => {
        const lines = login.sshKeys.map((key) => `${key}\n`).join('');
        this.#device.writeFile(`${machineLayout.authorizedKeys}/${login.name}`, lines);
      });
      this.#attempt(`home of ${login.name}`, () => makeHome(this.#device, login));
    }
    const uids = Object.fromEntries(logins.map(({ name, uid }) => [name, uid]));
    this.#attempt('known users', () => {
      const text = `${JSON.stringify({ ...known, ...uids })}\n`;
      if (this.#device.readFile(paths.uids) !== text) {
        this.#device.writeFileDurably(paths.uids, text, 0o600);
      }
    });
    return logins;
  }

  /** For the engine's service; root's alone, as the variables of containers may be secret. */
  #writeContainers({ services }: EngineFile, { containers, faults }: UserData): void {
    if (!services.some(({ startsContainers }) => startsContainers === true)) {
      if (containers.length > 0)
        this.#notes.push('containers is not used: this machine has no engine that starts them');
      return;
    }
    if (containers.length === 0 && faults.length === 0) return;
    this.#device.makeFolder(ownerListFile.slice(0, ownerListFile.lastIndexOf('/')), 0o700);
    this.#device.writeFile(ownerDoubtFile, '', 0o600);
    const list: StartList = { format: 1, containers, projects: [], images: [] };
    this.#device.writeFile(ownerListFile, `${JSON.stringify(list)}\n`, 0o600);
    if (faults.length === 0) this.#device.remove(ownerDoubtFile);
  }

  /** The paths that were written. */
  #writeFiles(data: UserData, instance: string): readonly string[] {
    const isWritten = this.#device.readFile(paths.instance) === instance;
    const wanted = data.files.filter((file) => isVolatile(file) || !isWritten);
    const written = wanted.filter(
      (file) =>
        this.#attempt(`write_files ${file.path}`, () => {
          writeRequestedFile(this.#device, file);
          return true;
        }) ?? false,
    );
    if (!isWritten && data.files.some((file) => !isVolatile(file))) {
      this.#attempt('instance', () => this.#device.writeFileDurably(paths.instance, instance, 0o600));
    }
    return written.map((file) => file.path);
  }

  /** machine-id(5): made once, lost only with the state. */
  #setMachineId(): void {
    const kept = this.#device.readFile(paths.machineId)?.trim() ?? '';
    const isKept = /^[0-9a-f]{32}$/.test(kept);
    const random = this.#device.readFile('/proc/sys/kernel/random/uuid') ?? '';
    const id = isKept ? kept : random.trim().replaceAll('-', '');
    this.#writeEtc('machine-id', `${id}\n`, 0o444);
    if (!isKept) {
      this.#device.makeFolder(stateFolder, 0o700);
      this.#device.writeFileDurably(paths.machineId, `${id}\n`, 0o444);
    }
  }

  #writeEtc(name: string, content: string, mode = 0o644): void {
    this.#device.writeFile(`${machineLayout.runtimeEtc}/${name}`, content, mode);
  }

  /** One thing that fails must not keep the next from being done. */
  #attempt<Result>(what: string, action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#faults.push({ file: 'machine', message: `${what}: ${message}` });
      return undefined;
    }
  }

  #writeReport(file: ProvisionFile): void {
    for (const fault of file.faults) {
      this.#device.printError(`provision: ${renderFault(fault)}`);
    }
    for (const note of file.notes) {
      this.#device.print(`provision: note: ${note}`);
    }
    const from = file.source.kind === 'none' ? 'nothing' : file.source.from;
    this.#device.print(`provision: ${file.hostname} from ${from}, ${file.faults.length} faults`);
    this.#device.writeFile(machineLayout.provisionFile, `${JSON.stringify(file, null, 2)}\n`);
  }
}

function isOfUse(data: UserData): boolean {
  return (
    data.hostname !== undefined ||
    data.fqdn !== undefined ||
    data.console !== undefined ||
    data.sshKeys.length + data.users.length + data.files.length + data.logTargets.length > 0 ||
    data.containers.length > 0
  );
}

/** The kernel's name is the first part; hosts(5) knows both. */
function setHostname(device: Device, name: string, full: string): void {
  const short = name.split('.')[0] ?? name;
  const names = full === short ? short : `${full} ${short}`;
  device.writeFile(`${machineLayout.runtimeEtc}/hostname`, `${short}\n`);
  device.writeFile(
    `${machineLayout.runtimeEtc}/hosts`,
    `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ${names}\n`,
  );
  device.writeFile('/proc/sys/kernel/hostname', `${short}\n`);
}

function writeTimeSources(device: Device, ntp: UserData['ntp']): void {
  const lines = [
    ...ntp.servers.map((name) => `server ${name} iburst\n`),
    ...ntp.pools.map((name) => `pool ${name} iburst\n`),
  ];
  device.writeFile(`${paths.ntpSources}/user-data.sources`, lines.join(''));
}

/** They may hold tokens; only the service that sends has this folder. */
function writeLogTargets(device: Device, targets: readonly LogTarget[]): void {
  if (targets.length > 0) device.writeFile(logTargetsFile, `${JSON.stringify(targets)}\n`, 0o600);
}

function makeHome(device: Device, login: Login): void {
  if (device.status(login.home) === undefined) {
    device.makeFolder(login.home, 0o700);
    device.run(['chown', `${login.uid}:${login.uid}`, login.home]);
  }
}
