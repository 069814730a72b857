import { type ElfFile, readElf } from './elf.ts';
import type { ByteSource } from './tree.ts';

/** What a file must find on the machine before it can run. */
export type FileNeeds =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'elf'; readonly elf: ElfFile }
  /** A script: absolute paths and, after `env`, bare names. */
  | { readonly kind: 'script'; readonly interpreter: string; readonly program: string | undefined };

const nothing: FileNeeds = { kind: 'nothing' };

/** A function of the content alone, so that services that share a library read it once. */
const known = new Map<string, FileNeeds>();

/** Throws RangeError when the content is a broken ELF file. */
export async function readFileNeeds(content: ByteSource): Promise<FileNeeds> {
  const remembered = known.get(content.sha256);
  if (remembered !== undefined) return remembered;
  const needs = needsOf(await content.read());
  known.set(content.sha256, needs);
  return needs;
}

function needsOf(bytes: Buffer): FileNeeds {
  const elf = readElf(bytes);
  if (elf !== undefined) return { kind: 'elf', elf };
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return nothing;

  // execve(2): the line is at most 255 characters; everything after the interpreter is one argument.
  const line = bytes.subarray(2, 257).toString('latin1').split('\n')[0] ?? '';
  const [interpreter = '', ...words] = line.trim().split(/\s+/);
  if (!interpreter.startsWith('/')) return nothing;
  const program = interpreter.endsWith('/env') ? words.find(isProgramWord) : undefined;
  return { kind: 'script', interpreter, program };
}

/** Neither an option of env(1) (`-S`) nor an assignment. */
function isProgramWord(word: string): boolean {
  return !word.startsWith('-') && !word.includes('=');
}
