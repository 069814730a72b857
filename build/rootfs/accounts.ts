import type { Account } from '../services/service-definition.ts';
import { bytesOf } from './byte-source.ts';
import type { Tree } from './tree.ts';

/** In every root: 0 because everything starts as it, 65534 because files of other user namespaces show as it. */
const constantAccounts: readonly Account[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', shell: '/usr/sbin/nologin' },
];

/** /etc/passwd (passwd(5)) and /etc/group (group(5)) for a service's own root; nobody logs in by them, so no passwords. */
export function makeAccountFiles(accounts: readonly Account[], origin: string): Tree {
  const byName = new Map([...constantAccounts, ...accounts].map((account) => [account.name, account]));
  const sorted = [...byName.values()].sort(
    (one, other) => one.uid - other.uid || (one.name < other.name ? -1 : 1),
  );
  const passwd = sorted.map(
    ({ name, uid, gid, home, shell }) => `${name}:x:${uid}:${gid}::${home}:${shell}\n`,
  );
  const groupNames = new Map<number, string>();
  for (const { gid, name, uid } of sorted) {
    if (!groupNames.has(gid) || uid === gid) groupNames.set(gid, gid === 65534 ? 'nogroup' : name);
  }
  const group = [...groupNames]
    .sort(([one], [other]) => one - other)
    .map(([gid, name]) => `${name}:x:${gid}:\n`);
  const file = (lines: readonly string[]) =>
    ({ type: 'file', content: bytesOf(lines.join('')), mode: 0o644, uid: 0, gid: 0, origin }) as const;
  return new Map([
    ['/etc/passwd', file(passwd)],
    ['/etc/group', file(group)],
  ]);
}
