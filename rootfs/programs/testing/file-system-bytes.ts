/** First bytes of file systems, made for tests. */
export function blankBytes(): Uint8Array {
  return new Uint8Array(34 * 1024);
}

export function ext4Bytes(options: { blocks?: number; wasMounted?: boolean } = {}): Uint8Array {
  const bytes = blankBytes();
  const view = new DataView(bytes.buffer);
  view.setUint32(1024 + 0x04, options.blocks ?? 16384, true);
  view.setUint32(1024 + 0x18, 2, true);
  view.setUint32(1024 + 0x2c, (options.wasMounted ?? true) ? 1_700_000_000 : 0, true);
  view.setUint16(1024 + 0x38, 0xef53, true);
  put(bytes, 1024 + 0x78, 'state');
  return bytes;
}

export function fatBytes(label: string): Uint8Array {
  const bytes = blankBytes();
  put(bytes, 43, label.padEnd(11));
  put(bytes, 54, 'FAT12   ');
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

export function fat32Bytes(label: string): Uint8Array {
  const bytes = blankBytes();
  put(bytes, 71, label.padEnd(11));
  put(bytes, 82, 'FAT32   ');
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

export function isoBytes(label: string): Uint8Array {
  const bytes = blankBytes();
  bytes[32768] = 1;
  put(bytes, 32769, 'CD001');
  put(bytes, 32768 + 40, label.padEnd(32));
  return bytes;
}

function put(bytes: Uint8Array, offset: number, text: string): void {
  bytes.set(new TextEncoder().encode(text), offset);
}
