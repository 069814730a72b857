import { type BootFileEntry, type BootSlot, parseBootName } from '../../../build/contract/boot-entries.ts';
import type { BootFolder } from '../../../build/contract/boot-plan.ts';
import { readSlotTrailer, type SlotTrailer } from '../../../build/contract/slot-layout.ts';
import { readUkiRelease } from '../../../build/contract/uki-file.ts';
import type { Device } from '../device.ts';
import { digestFile } from './digest-file.ts';

export type SlotDevices = Readonly<Record<BootSlot, string>>;

/** The folder of unified kernel images, and what could be written to it from the slots. */
export function readFolder(
  device: Device,
  folderPath: string,
  running: BootSlot,
  slotDevices: SlotDevices,
): BootFolder {
  const files = device
    .list(folderPath)
    .filter((name) => parseBootName(name) !== undefined)
    .map((name) => readEntry(device, folderPath, name));
  const a = readSlotRelease(device, slotDevices.a);
  const b = readSlotRelease(device, slotDevices.b);
  return { files, running, slots: { ...(a && { a }), ...(b && { b }) } };
}

/** The same, with the content of every file read and compared with that of its slot. */
export function examineFolder(
  device: Device,
  folderPath: string,
  running: BootSlot,
  slotDevices: SlotDevices,
): BootFolder {
  const folder = readFolder(device, folderPath, running, slotDevices);
  const files = folder.files.map((file): BootFileEntry => {
    const slot = parseBootName(file.name)?.slot;
    const wanted = slot && attempt(() => readTrailer(device, slotDevices[slot]).uki.sha256);
    if (wanted === undefined || file.sizeBytes === 0) return file;
    const sha256 = digestFile(device, `${folderPath}/${file.name}`);
    return {
      ...file,
      content: sha256 === undefined ? 'unreadable' : sha256 === wanted ? 'right' : 'wrong',
    };
  });
  return { ...folder, files };
}

/** A file that cannot be read is one that the boot loader will not take either. */
function readEntry(device: Device, folderPath: string, name: string): BootFileEntry {
  const path = `${folderPath}/${name}`;
  const sizeBytes = device.status(path)?.sizeBytes ?? 0;
  const release = attempt(() => readUkiRelease(readerOf(device, path)));
  return { name, sizeBytes, ...(release && { release }) };
}

function readSlotRelease(device: Device, slotDevice: string) {
  return attempt(() => {
    const { uki } = readTrailer(device, slotDevice);
    const read = readerOf(device, slotDevice);
    return readUkiRelease((offsetBytes, sizeBytes) => read(uki.offsetBytes + offsetBytes, sizeBytes));
  });
}

/** What the slot says of itself; throws when there is no whole slot image in it. */
export function readTrailer(device: Device, slotDevice: string): SlotTrailer {
  return readSlotTrailer(readerOf(device, slotDevice));
}

function readerOf(device: Device, path: string) {
  return (offsetBytes: number, sizeBytes: number): Uint8Array =>
    device.readBytes(path, offsetBytes, sizeBytes) ?? new Uint8Array(0);
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
