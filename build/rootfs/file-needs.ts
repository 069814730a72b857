import { type ElfFile, elfMagic, readElf } from './elf.ts';
import type { ByteSource } from './tree.ts';

/** What a file must find on the machine before it can run. */
export type FileNeeds =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'elf'; readonly elf: ElfFile }
  /** A script: absolute paths and, after `env`, bare names. */
  | { readonly kind: 'script'; readonly interpreter: string; readonly program: string | undefined }
  /** It says that it is an ELF file, and is not a whole one. */
  | { readonly kind: 'broken'; readonly reason: string };

export const needsNothing: FileNeeds = { kind: 'nothing' };

/** execve(2): the first line of a script is at most so long. */
export const scriptHeadBytes = 257;

/** A function of the content alone, so that services that share a library read it once. */
const known = new Map<string, FileNeeds>();

export async function readFileNeeds(content: ByteSource): Promise<FileNeeds> {
  const remembered = content.needs ?? known.get(content.sha256);
  if (remembered !== undefined) return remembered;
  const needs = fileNeedsOf(await content.read());
  known.set(content.sha256, needs);
  return needs;
}

/** What may need more than `scriptHeadBytes` to be judged. */
export function looksLikeElf(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32BE(0) === elfMagic;
}

/** Of the whole content, or of the head of what does not look like ELF. */
export function fileNeedsOf(bytes: Buffer): FileNeeds {
  try {
    const elf = readElf(bytes);
    if (elf !== undefined) return { kind: 'elf', elf };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { kind: 'broken', reason: error.message };
  }
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return needsNothing;

  // Everything after the interpreter is one argument.
  const line = bytes.subarray(2, scriptHeadBytes).toString('latin1').split('\n')[0] ?? '';
  const [interpreter = '', ...words] = line.trim().split(/\s+/);
  if (!interpreter.startsWith('/')) return needsNothing;
  const program = interpreter.endsWith('/env') ? words.find(isProgramWord) : undefined;
  return { kind: 'script', interpreter, program };
}

/** Neither an option of env(1) (`-S`) nor an assignment. */
function isProgramWord(word: string): boolean {
  return !word.startsWith('-') && !word.includes('=');
}
