import type { Tree } from '../rootfs/tree.ts';
import type { ServiceUser } from './service-definition.ts';

interface Accounts {
  /** passwd(5), by line. */
  readonly users: readonly { readonly name: string; readonly uid: number; readonly gid: number }[];
  /** group(5), by line. */
  readonly groups: readonly {
    readonly name: string;
    readonly gid: number;
    readonly members: readonly string[];
  }[];
}

/** The largest id; the one above it stands for "none". */
const largestId = 2 ** 32 - 2;

/**
 * Whom `USER[:GROUP]` of an image means, names looked up in its own /etc/passwd and /etc/group, as Docker does it; `undefined`
 * when it has no such account. Without a group, also the groups that the user is a member of.
 */
export async function findImageUser(text: string, tree: Tree): Promise<ServiceUser | undefined> {
  const [userText = '', groupText] = text.split(':', 2);
  const { users, groups } = await readAccounts(tree);
  const number = numericId(userText);
  const account =
    userText === ''
      ? (users.find(({ uid }) => uid === 0) ?? { name: 'root', uid: 0, gid: 0 })
      : (users.find(({ name }) => name === userText) ?? users.find(({ uid }) => uid === number));
  const uid = account?.uid ?? number;
  if (uid === undefined) return undefined;
  if (groupText !== undefined && groupText !== '') {
    const gid = groups.find(({ name }) => name === groupText)?.gid ?? numericId(groupText);
    return gid === undefined ? undefined : { uid, gid };
  }
  const gid = account?.gid ?? 0;
  const memberships = groups.filter(({ members }) => account !== undefined && members.includes(account.name));
  const additionalGids = [...new Set(memberships.map((group) => group.gid))].filter((each) => each !== gid);
  return {
    uid,
    gid,
    ...(additionalGids.length === 0 ? {} : { additionalGids: additionalGids.sort((a, b) => a - b) }),
  };
}

function numericId(text: string): number | undefined {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= largestId ? Number(text) : undefined;
}

async function readAccounts(tree: Tree): Promise<Accounts> {
  const passwd = await readLines(tree, '/etc/passwd');
  const group = await readLines(tree, '/etc/group');
  return {
    users: passwd.flatMap(([name = '', , uidText = '', gidText = '']) => {
      const [uid, gid] = [numericId(uidText), numericId(gidText)];
      return name === '' || uid === undefined || gid === undefined ? [] : { name, uid, gid };
    }),
    groups: group.flatMap(([name = '', , gidText = '', members = '']) => {
      const gid = numericId(gidText);
      return name === '' || gid === undefined ? [] : { name, gid, members: members.split(',') };
    }),
  };
}

/** More than this is no file of accounts. */
const accountFileBytes = 4 * 1024 ** 2;

async function readLines(tree: Tree, path: string): Promise<string[][]> {
  const node = tree.get(path);
  if (node?.type !== 'file' || node.content.sizeBytes > accountFileBytes) return [];
  const text = (await node.content.read()).toString('utf8');
  return text.split('\n').map((line) => line.trim().split(':'));
}
