/**
 * Names of unified kernel images in \EFI\Linux and the order in which systemd-boot 257 takes them (boot_entry_parse_tries
 * and boot_entry_compare of its src/boot/boot.c). Pure: the builder's tests and the machine's boot-loader backend share it.
 */
export const bootSlots = ['a', 'b'] as const;
export type BootSlot = (typeof bootSlots)[number];

/** `left` and `done` of `a+left-done.efi`, Automatic Boot Assessment: `left` 0 is bad. */
export interface BootTries {
  readonly left: number;
  readonly done: number;
}

/** A file name in \EFI\Linux that has to do with a slot. */
export type BootName =
  /** The boot loader looks at it. Without tries it is good. */
  | { readonly kind: 'entry'; readonly slot: BootSlot; readonly tries?: BootTries }
  /** Being written, or put away: the boot loader does not see it. */
  | { readonly kind: 'aside'; readonly slot: BootSlot };

/** One file of \EFI\Linux as it was found. */
export interface BootFileEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** Of its os-release; left out when it is no unified kernel image, which the boot loader passes over. */
  readonly release?: { readonly imageId: string; readonly version: string };
  /** Compared with the slot's own image, where somebody looked: `wrong` can be read, and is something else. */
  readonly content?: 'right' | 'wrong' | 'unreadable';
}

/** A file that the boot loader would list. */
export interface BootEntry extends BootFileEntry {
  readonly slot: BootSlot;
  readonly tries?: BootTries;
}

/** Boots that a new slot has; the first one leaves this minus one. */
export const trialBoots = 3;

/** `undefined` for files of others. FAT does not tell upper from lower case. */
export function parseBootName(name: string): BootName | undefined {
  const lower = name.toLowerCase();
  const [, entrySlot, left, done] = /^([ab])(?:\+([0-9]{1,9})(?:-([0-9]{1,9}))?)?\.efi$/.exec(lower) ?? [];
  if (isSlot(entrySlot)) {
    if (left === undefined) return { kind: 'entry', slot: entrySlot };
    return { kind: 'entry', slot: entrySlot, tries: { left: Number(left), done: Number(done ?? '0') } };
  }
  const [, asideSlot] = /^([ab])(?:\.tmp|-[0-9]\.old)$/.exec(lower) ?? [];
  return isSlot(asideSlot) ? { kind: 'aside', slot: asideSlot } : undefined;
}

/** At most thirteen characters, so that \EFI\Linux stays within one sector (build/boot/lint-esp.ts). */
export function formatBootName(slot: BootSlot, tries?: BootTries): string {
  return tries === undefined ? `${slot}.efi` : `${slot}+${tries.left}-${tries.done}.efi`;
}

/** Where a unified kernel image is written before it gets a name that the boot loader looks at. */
export const asideName = (slot: BootSlot): string => `${slot}.tmp`;

/** Where an entry is moved to before its space is given back; `number` from 0 to 9. */
export const retiredName = (slot: BootSlot, number: number): string => `${slot}-${number}.old`;

/** The files that the boot loader would list: ours, not empty, and unified kernel images. */
export function bootEntries(files: readonly BootFileEntry[]): readonly BootEntry[] {
  return files.flatMap((file) => {
    const name = parseBootName(file.name);
    if (name?.kind !== 'entry' || file.sizeBytes === 0 || file.release === undefined) return [];
    return [{ ...file, ...name }];
  });
}

/** What the boot loader starts, without a menu and with no Loader… variable set; `undefined` when there is nothing. */
export function chooseEntry(files: readonly BootFileEntry[]): BootEntry | undefined {
  return [...bootEntries(files)].sort(compareEntries)[0];
}

/** What the boot loader renames an entry to before it starts it; `undefined` when it is not counted. */
export function countedName(entry: BootEntry): string | undefined {
  const { slot, tries } = entry;
  if (tries === undefined) return undefined;
  return formatBootName(slot, { left: Math.max(0, tries.left - 1), done: tries.done + 1 });
}

/** Below 0 when `one` comes first. Array.prototype.sort is stable, as the boot loader's is. */
function compareEntries(one: BootEntry, other: BootEntry): number {
  return (
    Number(one.tries?.left === 0) - Number(other.tries?.left === 0) ||
    compareText(one.release?.imageId ?? '', other.release?.imageId ?? '') ||
    -compareNumbers(one.release?.version ?? '', other.release?.version ?? '') ||
    -compareText(one.slot, other.slot) ||
    compareTries(one.tries, other.tries)
  );
}

/** Only among names of one slot: that with more tries left, then that which was tried less. */
function compareTries(one: BootTries | undefined, other: BootTries | undefined): number {
  if (one === undefined || other === undefined) return 0;
  return other.left - one.left || one.done - other.done;
}

/** For versions of numbers and dots this is what strverscmp_improved does (Version Format Specification, UAPI.10). */
function compareNumbers(one: string, other: string): number {
  const left = one.split('.').map(Number);
  const right = other.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? -1) - (right[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function isSlot(text: string | undefined): text is BootSlot {
  return text === 'a' || text === 'b';
}
