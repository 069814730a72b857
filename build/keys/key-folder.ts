import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import { writeDurably } from '../host/write-durably.ts';
import { type KeysFile, keysFile } from './key-record.ts';

const recordName = 'keys.json';

/** `$XDG_CONFIG_HOME/keelson/keys/<name>`, or below `~/.config`: keys are nothing that a cache may forget. */
export function defaultKeyFolder(host: Pick<BuildHost, 'environmentVariable'>, name: string): string {
  const config = host.environmentVariable('XDG_CONFIG_HOME') ?? '';
  const base = isAbsolute(config) ? config : join(host.environmentVariable('HOME') || homedir(), '.config');
  return join(base, 'keelson', 'keys', name);
}

export async function readKeysFile(folder: string): Promise<KeysFile> {
  const path = join(folder, recordName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isAbsent = (cause as { code?: string }).code === 'ENOENT';
    throw new KeelsonError({
      code: isAbsent ? 'KEYS_ABSENT' : 'KEYS_UNREADABLE',
      class: isAbsent ? 'input' : 'environment',
      message: isAbsent ? `Cannot find keys in ${folder}` : `Cannot read ${path}`,
      hint: isAbsent
        ? 'Make them with `keelson keys init`, or name their folder with --keys.'
        : 'Look at who owns the file.',
      cause,
    });
  }
  try {
    return keysFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new KeelsonError({
      code: 'KEYS_UNREADABLE',
      class: 'input',
      message: `Cannot understand ${path}: it is damaged, or a newer Keelson wrote it`,
      place: { file: path },
      hint: 'Take the folder from its backup.',
      cause,
    });
  }
}

export async function writeKeysFile(folder: string, content: KeysFile): Promise<void> {
  const text = `${JSON.stringify(keysFile.parse(content), null, 2)}\n`;
  await writeDurably(join(folder, recordName), { content: text });
}

/** Only the owner may look into a folder of keys. */
export async function makeKeyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** KEYS_IN_WORK_TREE when the folder lies in a git work tree, where private keys get committed sooner or later. */
export async function refuseWorkTree(folder: string): Promise<void> {
  for (let place = folder; ; place = dirname(place)) {
    const isWorkTree = await stat(join(place, '.git')).then(
      () => true,
      () => false,
    );
    if (isWorkTree) {
      throw new KeelsonError({
        code: 'KEYS_IN_WORK_TREE',
        class: 'input',
        message: `Cannot put keys into ${folder}: it lies in the git work tree ${place}`,
        hint: 'Leave out --keys to put them beside your own configuration, or say --force.',
      });
    }
    if (place === dirname(place)) return;
  }
}
