import { createHash } from 'node:crypto';
import { arOf, type Entry, tarOf } from '../debian/deb-fixtures.ts';

/** A Debian package, deb(5), with exactly these members, uncompressed: the honest and the hostile alike. */
export async function makeDeb(
  control: Readonly<Record<string, string>>,
  members: readonly Entry[],
): Promise<Buffer> {
  const stanza = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
  return arOf([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', await tarOf([{ name: './control', text: stanza.join('') }])],
    ['data.tar', await tarOf(members)],
  ]);
}

/** Lower-case hexadecimal. */
export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
