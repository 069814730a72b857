import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';

/** One member of a made-up package: a tar header and, for files, their text. */
export interface FixtureMember extends Partial<Header> {
  readonly name: string;
  readonly content?: string;
}

/** A Debian package, deb(5), with exactly these members, uncompressed: the honest and the hostile alike. */
export async function makeDeb(
  control: Readonly<Record<string, string>>,
  members: readonly FixtureMember[],
): Promise<Buffer> {
  const stanza = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
  return makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', await makeTar([{ name: './control', content: stanza.join('') }])],
    ['data.tar', await makeTar(members)],
  ]);
}

/** Lower-case hexadecimal. */
export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function makeTar(members: readonly FixtureMember[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of members)
    archive.entry({ mtime: new Date(0), ...header }, content ?? '');
  archive.finalize();
  return buffer(archive);
}

function makeAr(files: readonly (readonly [name: string, content: Buffer])[]): Buffer {
  const parts = files.flatMap(([name, content]) => [
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}0     0     100644  ${String(content.length).padEnd(10)}\`\n`,
    ),
    content,
    Buffer.alloc(content.length % 2, '\n'),
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}
