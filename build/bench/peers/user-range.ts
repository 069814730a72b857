import { access, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { BuildHost } from '../../host/build-host.ts';

/** Installing packages takes users besides root, of whom Debian has the numbers up to 65,535. */
const neededUsers = 65_536;

interface UserName {
  readonly username: string;
  readonly uid: number;
}

/**
 * Why this user cannot have files belong to other users, which needs root, or entries in /etc/subuid and /etc/subgid and newuidmap(1) to use
 * them; `undefined` when nothing is missing.
 */
export async function missingUserRange(host: Pick<BuildHost, 'isRoot'>): Promise<string | undefined> {
  if (host.isRoot) return undefined;
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (!hasRange(text, userInfo()))
      return `installing packages without being root needs ${neededUsers} users of one's own in ${path}: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userInfo().username}`;
  }
  const isThere = await Promise.any(
    ['/usr/bin/newuidmap', '/bin/newuidmap', '/usr/sbin/newuidmap'].map((path) => access(path)),
  ).then(
    () => true,
    () => false,
  );
  return isThere
    ? undefined
    : 'installing packages without being root needs newuidmap: sudo apt-get install uidmap';
}

/** Lines of subuid(5): `name or number:first:count`. */
export function hasRange(text: string, { username, uid }: UserName): boolean {
  return text.split('\n').some((line) => {
    const [owner, , count] = line.split(':');
    return (owner === username || owner === String(uid)) && Number(count) >= neededUsers;
  });
}
