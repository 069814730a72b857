import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

// Packages made in code, good and bad, for tests.

/** A member of a tar, as a test writes it. */
export type Entry = Partial<Header> & { readonly name: string; readonly text?: string | Buffer };

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const writer = pack();
  // Else the second in which it is made would be in it.
  const mtime = new Date(0);
  for (const { text, ...header } of entries) writer.entry({ mtime, ...header } as Header, text ?? '');
  writer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of writer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function arOf(members: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = members.map(([name, bytes]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(header), bytes, Buffer.from(bytes.length % 2 ? '\n' : '')]);
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** A control archive's members. */
export const control = [
  { name: './control', text: 'Package: demo\nVersion: 1.0\nDescription: short\n long\n' },
];

export async function writeDeb(bytes: Buffer): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'deb-')), 'demo.deb');
  await writeFile(path, bytes);
  return path;
}

export async function debOf(entries: readonly Entry[], compress = gzipSync, suffix = '.gz'): Promise<string> {
  return writeDeb(
    arOf([
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.gz', gzipSync(await tarOf(control))],
      [`data.tar${suffix}`, compress(await tarOf(entries))],
    ]),
  );
}
