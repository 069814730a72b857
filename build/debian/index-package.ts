import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type FileNeeds, fileNeedsOf, looksLikeElf, scriptHeadBytes } from '../rootfs/file-needs.ts';
import { readWhole } from '../store/read-whole.ts';
import type { Sha256 } from '../store/store.ts';
import { writeStream } from '../store/write-stream.ts';
import { isMergedUsrLink, mergedUsrPath } from './merged-usr.ts';
import { contentsDataFile, contentsFile, type MemberRow } from './package-contents.ts';
import type { Deb, DebEntry } from './read-deb.ts';

/** Names the step whose work this is; see StepSpec. */
export const indexPackageModule = import.meta.url;

/**
 * Turns a package into `contents.json` and `contents.bin` in `folder`: paths merged-/usr, hard links resolved to
 * files with the same content. Refuses with PACKAGE_UNSAFE what no honest package has: devices and pipes, two
 * different things at one path, control characters in names.
 */
export async function indexPackage(deb: Deb, folder: string): Promise<void> {
  const data = await open(join(folder, contentsDataFile), 'wx+', 0o644);
  try {
    const members = await indexMembers(deb, data);
    await writeFile(join(folder, contentsFile), contentsText(deb.control, members), { mode: 0o644 });
  } finally {
    await data.close();
  }
}

async function indexMembers(deb: Deb, data: FileHandle): Promise<MemberRow[]> {
  const members = new Map<string, MemberRow>();
  let offset = 0;
  for await (const entry of deb.entries) {
    if (entry.path === '/') continue;
    checkNames(entry);
    const row = await memberRow(entry, members, data, offset);
    if (row === undefined) continue;
    if (entry.type === 'file') offset += entry.sizeBytes;
    addMember(members, row);
  }
  return [...members.values()].sort((a, b) => (a[1] < b[1] ? -1 : 1));
}

/** `undefined` for the links of merged-/usr: base-files has them, and at their merged paths they would be wrong. */
async function memberRow(
  entry: DebEntry,
  members: ReadonlyMap<string, MemberRow>,
  data: FileHandle,
  offset: number,
): Promise<MemberRow | undefined> {
  const path = mergedUsrPath(entry.path);
  const common = [path, entry.mode, entry.uid, entry.gid] as const;
  switch (entry.type) {
    case 'folder':
      return ['d', ...common];
    case 'file':
      return ['f', ...common, offset, entry.sizeBytes, ...(await appendContent(entry, data, offset))];
    case 'link':
      // Permissions of links mean nothing: Linux shows them all as 777.
      return isMergedUsrLink(entry.path) ? undefined : ['l', path, 0o777, entry.uid, entry.gid, entry.target];
    case 'hard-link': {
      const target = members.get(mergedUsrPath(entry.target));
      if (target?.[0] !== 'f') throw unsafe(entry, 'it is a hard link to a file that did not come before it');
      const [, , mode, uid, gid, ...content] = target;
      return ['f', path, mode, uid, gid, ...content];
    }
    default:
      throw unsafe(entry, `it is a ${entry.type}`);
  }
}

/** A folder may come twice (as `/lib/x` and `/usr/lib/x`): the first stays. Anything else twice is refused. */
function addMember(members: Map<string, MemberRow>, row: MemberRow): void {
  const known = members.get(row[1]);
  if (known === undefined) members.set(row[1], row);
  else if (known[0] !== 'd' || row[0] !== 'd') throw unsafe({ path: row[1] }, 'the package has it twice');
}

/** Returns the digest of what was appended, and what it needs to run. */
async function appendContent(
  entry: DebEntry,
  data: FileHandle,
  offset: number,
): Promise<[sha256: Sha256, needs?: FileNeeds]> {
  const { sizeBytes, sha256 } = await writeStream(data, entry.content, offset);
  if (sizeBytes !== entry.sizeBytes) throw unsafe(entry, 'its size is not what its header says');
  const head = await readWhole(data, offset, Math.min(sizeBytes, scriptHeadBytes));
  const needs = fileNeedsOf(looksLikeElf(head) ? await readWhole(data, offset, sizeBytes) : head);
  return needs.kind === 'nothing' ? [sha256] : [sha256, needs];
}

function checkNames(entry: DebEntry): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const control = /[\u0000-\u001f\u007f]/;
  if (control.test(entry.path) || control.test(entry.target))
    throw unsafe(entry, 'it has control characters');
}

function unsafe(entry: { readonly path: string }, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'PACKAGE_UNSAFE',
    class: 'input',
    message: `Cannot open the package: ${JSON.stringify(entry.path)} is refused, ${reason}`,
    hint: 'Do not use this package; if it comes from Debian itself, report it with this message.',
  });
}

/** One member per line: a person can read it, and a difference can be seen. */
function contentsText(control: Readonly<Record<string, string>>, members: readonly MemberRow[]): string {
  const rows = members.map((member) => JSON.stringify(member)).join(',\n');
  return `{"control":${JSON.stringify(control)},\n"members":[\n${rows}\n]}\n`;
}
