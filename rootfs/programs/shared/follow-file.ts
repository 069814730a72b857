import type { Device } from '../device.ts';
import { decodeText } from './decode-text.ts';

const readBytesAtOnce = 65_536;
const newline = 0x0a;

/**
 * What is added to a file of lines, as whole lines; each call gives those since the last, up to 64 KiB. When the file has become
 * shorter it was rotated: what was missed of the old one is read from `previous`.
 */
export function makeFollower(
  device: Device,
  path: string,
  previous: string,
  start = device.status(path)?.sizeBytes ?? 0,
): () => readonly string[] {
  let offset = start;
  let rest = new Uint8Array();
  const read = (from: string): readonly string[] => {
    const bytes = device.readBytes(from, offset, readBytesAtOnce) ?? new Uint8Array();
    offset += bytes.length;
    const all = new Uint8Array(rest.length + bytes.length);
    all.set(rest);
    all.set(bytes, rest.length);
    const end = all.lastIndexOf(newline) + 1;
    rest = all.slice(end);
    return decodeText(all.subarray(0, end))
      .split('\n')
      .filter((line) => line !== '');
  };
  return () => {
    if ((device.status(path)?.sizeBytes ?? 0) >= offset) return read(path);
    const missed: string[] = [];
    while ((device.status(previous)?.sizeBytes ?? 0) > offset) missed.push(...read(previous));
    offset = 0;
    rest = new Uint8Array();
    return [...missed, ...read(path)];
  };
}

const pollMs = 500;

/** Shows what comes from now on, until somebody interrupts it. */
export function followOn(
  device: Device,
  follow: ReturnType<typeof makeFollower>,
  show: (line: string) => void,
): never {
  for (;;) {
    const lines = follow();
    for (const line of lines) show(line);
    if (lines.length === 0) device.sleep(pollMs);
  }
}
