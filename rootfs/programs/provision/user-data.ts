import type { ContainerRequest } from '../../../build/contract/container.ts';
import type { LogTarget } from '../shared/log-target.ts';
import { readContainers } from './containers.ts';
import { type Fault, firstFaults, firstNotes } from './fault.ts';
import { type FileToWrite, fileKeys, readFilesToWrite } from './files-to-write.ts';
import { readLogTargets, readRsyslogRemotes } from './log-targets.ts';
import { checkPublicKey } from './public-key.ts';
import { type Found, YamlReader } from './yaml-reader.ts';

/** What a `#cloud-config` file asks for, as far as it is understood and sound. */
export interface UserData {
  readonly hostname: string | undefined;
  readonly fqdn: string | undefined;
  /** For root, the default user. */
  readonly sshKeys: readonly string[];
  readonly users: readonly UserRequest[];
  readonly files: readonly FileToWrite[];
  readonly ntp: { readonly servers: readonly string[]; readonly pools: readonly string[] };
  /** Where sessions of root land. */
  readonly console: string | undefined;
  /** Where the log is sent to. */
  readonly logTargets: readonly LogTarget[];
  /** For an engine to start. */
  readonly containers: readonly ContainerRequest[];
  readonly faults: readonly Fault[];
  /** Keys that cloud-init knows and this machine has no use for. */
  readonly notes: readonly string[];
}

export interface UserRequest {
  readonly name: string;
  readonly uid: number | undefined;
  readonly sshKeys: readonly string[];
  readonly shell: string | undefined;
  readonly gecos: string;
  /** A crypt(5) hash; only when the password is not locked. */
  readonly passwordHash: string | undefined;
}

const usedKeys = [
  'hostname',
  'fqdn',
  'ssh_authorized_keys',
  'users',
  'write_files',
  'ntp',
  'log_forward',
  'rsyslog',
  'containers',
  'console',
] as const;
const userName = /^[a-z_][a-z0-9_-]{0,31}$/;
const hostLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const crypt = /^\$(y|gy|7|6|5|2[aby])\$[A-Za-z0-9./$=,]{8,256}$/;

/** Never throws: what cannot be used becomes a fault with its place, and the rest counts. `consoles` are those of the machine. */
export function readUserData(text: string, consoles: readonly string[] = []): UserData {
  if (!/^#cloud-config[ \t]*(\r?\n|$)/.test(text)) {
    const isEmpty = text.trim() === '';
    return {
      ...nothing,
      faults: isEmpty
        ? []
        : [{ file: 'user-data', line: 1, column: 1, message: 'the first line must be "#cloud-config"' }],
    };
  }
  let reader: YamlReader;
  try {
    reader = new YamlReader('user-data', text);
  } catch {
    // Thousands of brackets in one another.
    return { ...nothing, faults: [{ file: 'user-data', message: 'it is nested too deeply' }] };
  }
  return new UserDataReader(reader, consoles).read();
}

const nothing: UserData = {
  hostname: undefined,
  fqdn: undefined,
  sshKeys: [],
  users: [],
  files: [],
  ntp: { servers: [], pools: [] },
  console: undefined,
  logTargets: [],
  containers: [],
  faults: [],
  notes: [],
};

class UserDataReader {
  readonly #yaml: YamlReader;
  readonly #consoles: readonly string[];
  readonly #notes: string[] = [];

  constructor(yaml: YamlReader, consoles: readonly string[]) {
    this.#yaml = yaml;
    this.#consoles = consoles;
  }

  read(): UserData {
    const fields = this.#yaml.fields(this.#yaml.root);
    const { users, rootKeys } = this.#users(fields.get('users'));
    const data = {
      hostname: this.#hostname(fields.get('hostname')),
      fqdn: this.#hostname(fields.get('fqdn')),
      sshKeys: [...this.#keys(fields.get('ssh_authorized_keys')), ...rootKeys],
      users,
      files: readFilesToWrite(this.#yaml, fields.get('write_files'), (unused, prefix) =>
        this.#noteUnused(unused, fileKeys, prefix),
      ),
      ntp: this.#ntp(fields.get('ntp')),
      console: this.#console(fields.get('console')),
      logTargets: this.#logTargets(fields),
      containers: readContainers(this.#yaml, fields.get('containers'), this.#noteUnused.bind(this)),
    };
    this.#noteUnused(fields, usedKeys);
    return { ...data, faults: firstFaults(this.#yaml.faults), notes: firstNotes(this.#notes) };
  }

  #console(found: Found | undefined): string | undefined {
    const name = this.#yaml.text(found);
    if (found === undefined || name === undefined || this.#consoles.includes(name)) return name;
    const known =
      this.#consoles.length === 0 ? 'this machine has none' : `one of ${this.#consoles.join(', ')}`;
    this.#yaml.fault(found, `console must be the name of a console: ${known}`);
    return undefined;
  }

  #logTargets(fields: ReadonlyMap<string, Found>): readonly LogTarget[] {
    const note = this.#noteUnused.bind(this);
    return [
      ...readLogTargets(this.#yaml, fields.get('log_forward'), note),
      ...readRsyslogRemotes(this.#yaml, fields.get('rsyslog'), note),
    ];
  }

  #hostname(found: Found | undefined): string | undefined {
    const name = this.#yaml.text(found);
    if (found !== undefined && name !== undefined && !isHostname(name)) {
      this.#yaml.fault(found, `${found.name} must be letters, digits and hyphens, in parts of at most 63`);
      return undefined;
    }
    return name;
  }

  #keys(found: Found | undefined): readonly string[] {
    return this.#yaml.items(found).flatMap((item) => {
      const text = this.#yaml.text(item);
      const key = text === undefined ? undefined : checkPublicKey(text);
      if (text !== undefined && key === undefined) {
        this.#yaml.fault(item, `${item.name} is not an SSH public key (type, key, comment on one line)`);
      }
      return key === undefined ? [] : [key];
    });
  }

  #users(found: Found | undefined): { users: readonly UserRequest[]; rootKeys: readonly string[] } {
    const users = new Map<string, UserRequest>();
    const rootKeys: string[] = [];
    for (const item of this.#yaml.items(found, 200)) {
      if (!this.#yaml.isMapping(item)) {
        // `default` is the image's own user: root, who is always there.
        const name = this.#yaml.text(item);
        if (name !== undefined && name !== 'default' && this.#isUserName(item, name)) {
          users.set(name, { ...plainUser, name });
        }
        continue;
      }
      const fields = this.#yaml.fields(item);
      const name = this.#yaml.text(fields.get('name'));
      if (name === undefined) {
        this.#yaml.fault(item, `${item.name} needs a name`);
      } else if (name === 'root') {
        rootKeys.push(...this.#keys(fields.get('ssh_authorized_keys')));
        this.#noteUnused(fields, ['name', 'ssh_authorized_keys'], `${item.name}.`);
      } else if (this.#isUserName(fields.get('name') ?? item, name)) {
        users.set(name, this.#user(name, fields, item));
      }
    }
    return { users: [...users.values()], rootKeys };
  }

  #isUserName(found: Found, name: string): boolean {
    if (userName.test(name) && name !== 'nobody') {
      return true;
    }
    this.#yaml.fault(
      found,
      `${found.name} must be a small letter, then small letters, digits, "_" and "-", 32 at most`,
    );
    return false;
  }

  #user(name: string, fields: ReadonlyMap<string, Found>, item: Found): UserRequest {
    this.#noteUnused(
      fields,
      ['name', 'uid', 'ssh_authorized_keys', 'shell', 'gecos', 'lock_passwd', 'passwd', 'hashed_passwd'],
      `${item.name}.`,
    );
    const gecos = this.#yaml.text(fields.get('gecos')) ?? '';
    return {
      name,
      uid: this.#uid(fields.get('uid')),
      sshKeys: this.#keys(fields.get('ssh_authorized_keys')),
      shell: this.#shell(fields.get('shell')),
      gecos: gecos.replace(/[^\p{L}\p{N} .,'-]/gu, '').slice(0, 64),
      passwordHash: this.#passwordHash(fields),
    };
  }

  #uid(found: Found | undefined): number | undefined {
    const text = this.#yaml.text(found);
    const uid = Number(text);
    if (found !== undefined && text !== undefined && !(Number.isInteger(uid) && uid >= 1000 && uid < 60000)) {
      this.#yaml.fault(found, `${found.name} must be a number from 1000 to 59999`);
      return undefined;
    }
    return text === undefined ? undefined : uid;
  }

  /** The machine has one shell, and a user with a shell that is missing could not log in. */
  #shell(found: Found | undefined): string | undefined {
    const shell = this.#yaml.text(found);
    if (shell !== undefined && !['/bin/sh', '/usr/sbin/nologin', '/bin/false'].includes(shell)) {
      this.#notes.push(`${found?.name}: only /bin/sh is on this machine; it is used instead`);
      return undefined;
    }
    return shell;
  }

  #passwordHash(fields: ReadonlyMap<string, Found>): string | undefined {
    const found = fields.get('hashed_passwd') ?? fields.get('passwd');
    const hash = this.#yaml.text(found);
    // cloud-init locks a password unless it is told not to.
    if (found === undefined || hash === undefined || this.#yaml.flag(fields.get('lock_passwd')) !== false) {
      return undefined;
    }
    if (!crypt.test(hash)) {
      this.#yaml.fault(found, `${found.name} must be a hash as of mkpasswd(1)`);
      return undefined;
    }
    return hash;
  }

  #ntp(found: Found | undefined): UserData['ntp'] {
    if (found === undefined) {
      return nothing.ntp;
    }
    const fields = this.#yaml.fields(found);
    this.#noteUnused(fields, ['servers', 'pools'], 'ntp.');
    return {
      servers: this.#timeSources(fields.get('servers')),
      pools: this.#timeSources(fields.get('pools')),
    };
  }

  #timeSources(found: Found | undefined): readonly string[] {
    return this.#yaml.items(found, 32).flatMap((item) => {
      const name = this.#yaml.text(item);
      if (name === undefined || isHostname(name) || /^[0-9a-f:.]{2,45}$/i.test(name)) {
        return name === undefined ? [] : [name];
      }
      this.#yaml.fault(item, `${item.name} must be a host name or an address`);
      return [];
    });
  }

  #noteUnused(fields: ReadonlyMap<string, Found>, used: readonly string[], prefix = ''): void {
    for (const name of fields.keys()) {
      if (!used.includes(name)) {
        this.#notes.push(`${prefix}${printable(name)} is not used on this machine`);
      }
    }
  }
}

const plainUser = {
  uid: undefined,
  sshKeys: [],
  shell: undefined,
  gecos: '',
  passwordHash: undefined,
} as const;

/** RFC 1123, 2.1. */
export function isHostname(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => hostLabel.test(label));
}

/** A key of a stranger's file in a message: no control characters, not endless. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
