import { isOlderLoader, readLoaderVersion } from '../../../build/contract/loader-version.ts';
import { machineLayout } from '../../../build/contract/machine-layout.ts';
import {
  asideNames,
  type FoundFile,
  planReplace,
  type ReplaceOperation,
} from '../../../build/contract/replace-plan.ts';
import type { Device } from '../device.ts';
import { carryOut, copyAndCheck, flush } from './carry-out.ts';
import { digestFile } from './digest-file.ts';

/** Paths on the EFI system partition of the files that the machine's root carries for it. */
export function listBootFiles(device: Device, folder = ''): readonly string[] {
  return device.list(`${machineLayout.bootFiles}${folder}`).flatMap((name) => {
    const path = `${folder}/${name}`;
    const isFolder = device.status(`${machineLayout.bootFiles}${path}`)?.type === 'folder';
    return isFolder ? listBootFiles(device, path) : [path.slice(1)];
  });
}

/** Makes a file what the root has under the same path; says what was done in words, or nothing. */
export function replaceFile(device: Device, mountPoint: string, path: string): string | undefined {
  const folder = `${mountPoint}/${path.slice(0, path.lastIndexOf('/'))}`;
  const target = path.slice(path.lastIndexOf('/') + 1);
  const present = `${folder}/${target}`;
  const own = `${machineLayout.bootFiles}/${path}`;
  if (device.status(folder) === undefined) {
    device.makeFolder(folder);
    flush(device, folder);
  }
  const files = findFiles(device, folder, target);
  const found = files.find(({ name }) => name.toLowerCase() === target.toLowerCase());
  const [installed, offered] = [present, own].map((file) => versionOf(device, file));
  const isNewer = installed !== undefined && offered !== undefined && isOlderLoader(offered, installed);
  // One that this version does not know is copied from itself, should a leftover share its clusters.
  const source = isNewer && found?.sha256 !== undefined ? present : own;
  const sha256 = source === present ? found?.sha256 : digestFile(device, own);
  if (sha256 === undefined) throw new Error(`cannot read ${own}`);
  const operations = planReplace(target, sha256, files);
  carryOut<ReplaceOperation>(device, folder, operations, (_, to) =>
    copyAndCheck(device, to, {
      what: path,
      origin: 'in the root',
      arguments: [`if=${source}`, 'bs=64k'],
      sizeBytes: device.status(source)?.sizeBytes ?? 0,
      sha256,
    }),
  );
  if (operations.length === 0) return undefined;
  if (found === undefined) return `${path} was missing and is there again`;
  if (found.sha256 === undefined || found.sizeBytes === 0)
    return `${path} could not be read and was written again`;
  if (found.sha256 === sha256) return `leftovers beside ${path} were removed`;
  return installed !== undefined && installed !== offered
    ? `the boot loader was updated from systemd-boot ${installed} to ${offered}`
    : `${path} differed from that of this version and was replaced`;
}

/** Sizes and digests of the target and of what was left beside it. */
function findFiles(device: Device, folder: string, target: string): readonly FoundFile[] {
  const names = [target, ...asideNames(target)].map((name) => name.toLowerCase());
  return device
    .list(folder)
    .filter((name) => names.includes(name.toLowerCase()))
    .map((name) => {
      const sizeBytes = device.status(`${folder}/${name}`)?.sizeBytes ?? 0;
      const sha256 = digestFile(device, `${folder}/${name}`);
      return { name, sizeBytes, ...(sha256 === undefined ? {} : { sha256 }) };
    });
}

/** Of a boot loader that can be read; `undefined` of any other file. */
function versionOf(device: Device, path: string): string | undefined {
  if (!/\/BOOT[A-Z0-9]+\.EFI$/i.test(path)) return undefined;
  try {
    return readLoaderVersion((offset, size) => device.readBytes(path, offset, size) ?? new Uint8Array(0));
  } catch {
    return undefined;
  }
}
