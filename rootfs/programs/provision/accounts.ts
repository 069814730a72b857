import type { EngineFile } from '../../../build/contract/engine-file.ts';
import type { UserData } from './user-data.ts';

export interface Login {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  readonly shell: string;
  readonly gecos: string;
  /** For shadow(5); `*` is no password, which keys do not need. */
  readonly passwordHash: string;
  readonly sshKeys: readonly string[];
}

const firstUid = 1000;

/**
 * The accounts of recipe and user-data together; root is always one of them. A uid once given to a name stays with it
 * (`known`), so that files in a home keep their owner.
 */
export function planLogins(
  engineUsers: EngineFile['users'],
  data: UserData,
  known: Readonly<Record<string, number>>,
): { readonly logins: readonly Login[]; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const logins = new Map<string, Login>([['root', login('root', 0, data.sshKeys)]]);
  for (const user of engineUsers) {
    const earlier = logins.get(user.name)?.sshKeys ?? [];
    logins.set(user.name, login(user.name, user.uid, [...user.sshKeys, ...earlier]));
  }
  const reserved = new Set([...Object.values(known), ...[...logins.values()].map(({ uid }) => uid)]);
  for (const user of data.users) {
    if (user.uid !== undefined) {
      reserved.add(user.uid);
    }
  }
  for (const user of data.users) {
    const earlier = logins.get(user.name);
    const uid = earlier?.uid ?? user.uid ?? known[user.name] ?? freeUid(reserved);
    reserved.add(uid);
    const holder = [...logins.values()].find((other) => other.uid === uid && other.name !== user.name);
    if (holder !== undefined) {
      notes.push(`user ${user.name} is left out: uid ${uid} is ${holder.name}'s`);
      continue;
    }
    logins.set(user.name, {
      ...login(user.name, uid, [...(earlier?.sshKeys ?? []), ...user.sshKeys]),
      gecos: user.gecos,
      ...(user.shell !== undefined && { shell: user.shell }),
      ...(user.passwordHash !== undefined && { passwordHash: user.passwordHash }),
    });
  }
  return { logins: [...logins.values()], notes };
}

function login(name: string, uid: number, sshKeys: readonly string[]): Login {
  const home = uid === 0 ? '/root' : `/home/${name}`;
  return {
    name,
    uid,
    home,
    shell: '/bin/sh',
    gecos: '',
    passwordHash: '*',
    sshKeys: [...new Set(sshKeys)],
  };
}

function freeUid(reserved: ReadonlySet<number>): number {
  let uid = firstUid;
  while (reserved.has(uid)) {
    uid += 1;
  }
  return uid;
}

/** passwd(5), group(5) and shadow(5). */
export function writeAccountFiles(logins: readonly Login[]): {
  readonly passwd: string;
  readonly group: string;
  readonly shadow: string;
} {
  const nobody = 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin';
  return {
    passwd: lines([
      ...logins.map(
        ({ name, uid, gecos, home, shell }) => `${name}:x:${uid}:${uid}:${gecos}:${home}:${shell}`,
      ),
      nobody,
    ]),
    group: lines([...logins.map(({ name, uid }) => `${name}:x:${uid}:`), 'tty:x:5:', 'nogroup:x:65534:']),
    shadow: lines([
      ...logins.map(({ name, passwordHash }) => `${name}:${passwordHash}:::::::`),
      'nobody:*:::::::',
    ]),
  };
}

function lines(entries: readonly string[]): string {
  return entries.map((entry) => `${entry}\n`).join('');
}
