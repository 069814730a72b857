import type { Device } from '../device.ts';
import type { FileToWrite } from './files-to-write.ts';

/** Memory: made anew at each boot. Everything else is on state and written once for each instance. */
const volatileTree = '/run/';

export function isVolatile(file: FileToWrite): boolean {
  return file.path.startsWith(volatileTree);
}

/** Throws what `Device` throws, and when a link stands in the way: it could lead out of the allowed trees. */
export function writeRequestedFile(device: Device, file: FileToWrite): void {
  const folder = file.path.slice(0, file.path.lastIndexOf('/'));
  refuseLinks(device, folder);
  device.makeFolder(folder);
  const existing = device.status(file.path);
  if (existing !== undefined && existing.type !== 'file') {
    throw new Error(`${file.path} exists and is not a file`);
  }
  const before = file.isAppended && existing !== undefined ? (device.readFile(file.path) ?? '') : '';
  if (before !== '' && typeof file.content !== 'string') {
    throw new Error(`only text can be appended to ${file.path}`);
  }
  const content = typeof file.content === 'string' ? `${before}${file.content}` : file.content;
  // Nobody else may read it before it has its owner and mode.
  if (isVolatile(file)) {
    device.writeFile(file.path, content, 0o600);
  } else {
    device.writeFileDurably(file.path, content, 0o600);
  }
  run(device, ['chown', file.owner, file.path]);
  run(device, ['chmod', file.mode.toString(8).padStart(4, '0'), file.path]);
}

function refuseLinks(device: Device, folder: string): void {
  const parts = folder.split('/').slice(1);
  for (let depth = 1; depth <= parts.length; depth++) {
    const path = `/${parts.slice(0, depth).join('/')}`;
    const type = device.status(path)?.type;
    if (type !== undefined && type !== 'folder') {
      throw new Error(`${path} is not a folder`);
    }
  }
}

function run(device: Device, command: readonly string[]): void {
  const outcome = device.run(command);
  if (outcome.exitCode !== 0) {
    throw new Error(`${command.join(' ')}: ${outcome.stderr.trim()}`);
  }
}
