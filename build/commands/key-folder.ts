import { resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { defaultKeyFolder } from '../keys/key-folder.ts';
import type { CommandContext } from './session.ts';

/** Name of an owner's keys when none is given. */
export const defaultKeysName = 'default';

/** `--keys`: what has a slash is a path, anything else a name in the owner's configuration folder. */
export function keyFolder(context: CommandContext, keys: string = defaultKeysName): string {
  return keys.includes('/')
    ? resolve(context.workingFolder, keys)
    : defaultKeyFolder(context.host, checkKeysName(keys));
}

/** KEYS_NAME_INVALID unless it is a plain name. */
export function checkKeysName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return name;
  throw new KeelsonError({
    code: 'KEYS_NAME_INVALID',
    class: 'input',
    message: `Cannot use "${name}" as a name of keys`,
    hint: 'Use small letters, digits and dashes; a folder has a slash in it (./keys).',
  });
}
