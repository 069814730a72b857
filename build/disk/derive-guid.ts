import { createHash } from 'node:crypto';

/**
 * A GUID that is always the same for the same names: version 8 (custom) of RFC 9562 §5.8, from the SHA-256 of the
 * names. A random one would make every build differ.
 */
export function deriveGuid(...names: readonly string[]): string {
  const bytes = createHash('sha256').update(names.join('\0')).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const text = bytes.toString('hex');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}
