/**
 * What a unified kernel image says of itself, read from its PE headers
 * (https://learn.microsoft.com/windows/win32/debug/pe-format): by these facts the boot loader sorts. Pure; QuickJS reads it too.
 */
export interface PeSection {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface UkiRelease {
  /** IMAGE_ID of its os-release; the boot loader's first criterion. */
  readonly imageId: string;
  /** IMAGE_VERSION; the second, newest first. */
  readonly version: string;
}

/** Reads `sizeBytes` from there, or fewer at the end of the file. */
export type UkiReader = (offsetBytes: number, sizeBytes: number) => Uint8Array;

const headerBytes = 8192;
const largestReleaseBytes = 16 * 1024;

/** `undefined` when it is no PE file. Sizes are those of the content, not padded to the file's alignment. */
export function readPeSections(read: UkiReader): readonly PeSection[] | undefined {
  const headers = read(0, headerBytes);
  if (headers.length < 512) return undefined;
  const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength);
  const pe = view.getUint32(60, true);
  if (textAt(headers, 0, 2) !== 'MZ' || pe + 24 > headers.length || textAt(headers, pe, 4) !== 'PE\0\0')
    return undefined;
  const count = view.getUint16(pe + 6, true);
  const table = pe + 24 + view.getUint16(pe + 20, true);
  if (table + count * 40 > headers.length) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const entry = table + index * 40;
    return {
      name: textAt(headers, entry, 8).replace(/\0+$/, ''),
      offsetBytes: view.getUint32(entry + 20, true),
      sizeBytes: Math.min(view.getUint32(entry + 8, true), view.getUint32(entry + 16, true)),
    };
  });
}

/** `undefined` when the boot loader would pass it over: no PE file, or none with an os-release of ours. */
export function readUkiRelease(read: UkiReader): UkiRelease | undefined {
  const section = readPeSections(read)?.find(({ name }) => name === '.osrel');
  if (section === undefined || section.sizeBytes > largestReleaseBytes) return undefined;
  const bytes = read(section.offsetBytes, section.sizeBytes);
  const text = textAt(bytes, 0, bytes.length);
  const field = (name: string) => new RegExp(`^${name}="?([A-Za-z0-9._-]+)"?$`, 'm').exec(text)?.[1];
  const imageId = field('IMAGE_ID');
  const version = field('IMAGE_VERSION');
  return imageId === undefined || version === undefined ? undefined : { imageId, version };
}

function textAt(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let index = offset; index < Math.min(offset + length, bytes.length); index++) {
    text += String.fromCharCode(bytes[index] as number);
  }
  return text;
}
