import type { FaultList } from '../errors/fault-list.ts';
import type { ReadRecipe } from './find-recipe.ts';
import type { RecipeUser } from './recipe.ts';
import { findKeyProblem } from './ssh-key.ts';

/** Users of all recipes; one of the same name in an extending recipe replaces the earlier. Sorted by uid. */
export function readUsers(chain: readonly ReadRecipe[], faults: FaultList): RecipeUser[] {
  const wishes = new Map<string, { readonly uid: number | undefined; readonly sshKeys: readonly string[] }>();
  for (const { value, source } of chain) {
    const seen = new Set<string>();
    for (const [index, user] of value.users.entries()) {
      if (seen.has(user.name)) {
        faults.add({
          code: 'USER_DUPLICATE',
          message: `Cannot have the user "${user.name}" twice in one recipe`,
          place: source.place(['users', index]),
          hint: 'keep one of the two entries',
        });
      }
      seen.add(user.name);
      if (user.name === 'root' && user.uid !== undefined) {
        faults.add({
          code: 'USER_INVALID',
          message: 'Cannot give root another uid than 0',
          place: source.place(['users', index, 'uid']),
          hint: 'remove "uid"',
        });
      }
      const sshKeys = user.sshKeys.map((key, keyIndex) => {
        const problem = findKeyProblem(key.trim());
        if (problem !== undefined) {
          faults.add({
            code: 'SSH_KEY_INVALID',
            message: `Cannot use an SSH key of "${user.name}": ${problem.reason}`,
            place: source.place(['users', index, 'sshKeys', keyIndex]),
            hint: problem.hint,
          });
        }
        return key.trim();
      });
      const same = [...wishes].find(
        ([name, other]) => name !== user.name && user.uid !== undefined && other.uid === user.uid,
      );
      if (same !== undefined) {
        faults.add({
          code: 'USER_DUPLICATE',
          message: `Cannot give "${user.name}" the uid ${user.uid}: "${same[0]}" has it`,
          place: source.place(['users', index, 'uid']),
          hint: 'choose another, or leave it out',
        });
      }
      wishes.set(user.name, { uid: user.uid, sshKeys });
    }
  }
  return numberUsers(wishes);
}

function numberUsers(
  wishes: ReadonlyMap<string, { readonly uid: number | undefined; readonly sshKeys: readonly string[] }>,
): RecipeUser[] {
  const taken = new Set([...wishes.values()].map((user) => user.uid));
  let next = 1000;
  const users = [...wishes].map(([name, user]) => {
    if (name === 'root') return { name, uid: 0, sshKeys: user.sshKeys };
    if (user.uid !== undefined) return { name, uid: user.uid, sshKeys: user.sshKeys };
    while (taken.has(next)) next++;
    return { name, uid: next++, sshKeys: user.sshKeys };
  });
  return users.sort((left, right) => left.uid - right.uid);
}
