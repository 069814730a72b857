import { posix } from 'node:path';
import type { FaultList } from '../errors/fault-list.ts';
import type { FileRequest } from './service-definition.ts';

/** Where something is mounted on every machine before a service starts. */
export const machineMountPoints = ['/dev', '/proc', '/run', '/sys', '/tmp', '/var/lib/keelson'] as const;

/** In every container. */
export const containerMountPoints = ['/dev', '/proc', '/sys'] as const;

/** Reports files that nobody would ever see, because something is mounted over them. Folders there are mount points. */
export function checkHidden(
  files: readonly FileRequest[],
  mountPoints: readonly string[],
  faults: FaultList,
): void {
  for (const file of files) {
    if (file.kind === 'folder' || file.kind === 'package') continue;
    const over = mountPoints.find((point) => {
      const relative = posix.relative(point, file.path);
      return relative !== '..' && !relative.startsWith('../');
    });
    if (over === undefined) continue;
    faults.add({
      code: 'PATH_HIDDEN',
      message: `Cannot put anything at ${file.path}: something else is mounted at ${over}`,
      place: file.place,
      hint: 'choose a path that is part of the root, such as one below /etc, /srv or /usr/lib',
    });
  }
}
