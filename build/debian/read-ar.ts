import { type FileHandle, open } from 'node:fs/promises';
import { KeelsonError } from '../errors/keelson-error.ts';

export interface ArMember {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const magic = '!<arch>\n';
const headerBytes = 60;
/** A Debian package has three; signatures may add a few. */
const maxMembers = 16;

/** Lists the members of an ar archive, ar(5); long names (which Debian packages do not use) are refused. */
export async function readArMembers(path: string): Promise<ArMember[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if ((await textAt(file, 0, magic.length)) !== magic) throw invalidAr(path, 'it is not an ar archive');
    const members: ArMember[] = [];
    let offset = magic.length;
    while (offset < size) {
      const member = parseHeader(path, await textAt(file, offset, headerBytes), offset + headerBytes);
      if (member.offsetBytes + member.sizeBytes > size) throw invalidAr(path, `${member.name} is cut off`);
      if (members.push(member) > maxMembers) throw invalidAr(path, 'it has too many members');
      offset = member.offsetBytes + member.sizeBytes + (member.sizeBytes % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, header: string, offsetBytes: number): ArMember {
  const name = header.slice(0, 16).trim().replace(/\/$/, '');
  const size = header.slice(48, 58).trim();
  if (header.slice(58) !== '`\n' || !/^\d{1,10}$/.test(size) || !/^[\w.+-]+$/.test(name)) {
    throw invalidAr(path, 'a member has a damaged header');
  }
  return { name, offsetBytes, sizeBytes: Number(size) };
}

async function textAt(file: FileHandle, offset: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  return buffer.toString('latin1', 0, bytesRead);
}

function invalidAr(path: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'DEB_INVALID',
    class: 'environment',
    message: `Cannot read package ${path}: ${reason}`,
    hint: 'Remove the file; it is fetched again.',
  });
}
