import {
  asideName,
  type BootEntry,
  type BootFileEntry,
  type BootSlot,
  type BootTries,
  bootEntries,
  bootSlots,
  chooseEntry,
  formatBootName,
  parseBootName,
  retiredName,
  trialBoots,
} from './boot-entries.ts';

/**
 * What RAUC asks of a boot loader, as lists of operations on files of \EFI\Linux. Each operation is on the disk before the
 * next one begins, and after any of them, finished or cut off by a power failure, something boots. Pure.
 *
 * Two rules of FAT lie behind every plan:
 * 1. A rename that is cut off may leave both names, and both then stand for the same clusters. To give one back would tear
 *    the other's content away. So nothing of a slot is deleted, emptied or replaced while the boot loader may see any file of
 *    that slot: it is first renamed to where the boot loader does not look.
 * 2. An empty file owns no clusters: it may be deleted at any time.
 */
export type BootOperation =
  /**
   * Writes the unified kernel image of the slot itself to a name that is not there yet, and is done when it has been read
   * back from the disk and was right.
   */
  | { readonly do: 'write'; readonly slot: BootSlot; readonly to: string }
  /** The new name is not there yet. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'remove'; readonly name: string };

/** \EFI\Linux as found, and what the slots hold from which it can be written again. */
export interface BootFolder {
  readonly files: readonly BootFileEntry[];
  /** The slot whose root this machine runs from. */
  readonly running: BootSlot;
  /** Of the unified kernel image in each slot itself; left out when there is none that is whole. */
  readonly slots: Readonly<Partial<Record<BootSlot, NonNullable<BootFileEntry['release']>>>>;
}

/** What was asked for would leave the machine with nothing to boot; the message says why. */
export class BootPlanRefused extends Error {
  override readonly name = 'BootPlanRefused';
}

/** The slot that the next boot takes. */
export function getPrimary({ files }: Pick<BootFolder, 'files'>): BootSlot | undefined {
  return chooseEntry(files)?.slot;
}

/** Good: it is taken as long as nothing sorts before it. */
export function getState({ files }: Pick<BootFolder, 'files'>, slot: BootSlot): 'good' | 'bad' {
  return entriesOf(files, slot).some(({ tries }) => tries?.left !== 0) ? 'good' : 'bad';
}

/**
 * Bad: the boot loader takes the slot only when nothing else is left (the running one), or cannot see it any more (the other
 * one, which is about to be written over). Good: its boots are no longer counted.
 */
export function planSetState(
  folder: BootFolder,
  slot: BootSlot,
  state: 'good' | 'bad',
): readonly BootOperation[] {
  const draft = new Draft(folder);
  if (state === 'good') {
    collectInto(draft);
    ensureEntry(draft, slot);
    draft.makeGood(slot);
  } else if (slot === folder.running) {
    draft.demote(slot);
  } else {
    collectInto(draft);
    // Without an entry of its own the running slot would be lost together with the other one's.
    ensureEntry(draft, folder.running);
    draft.retireEntries(slot);
    draft.removeAside(slot);
  }
  return draft.operations;
}

/** A freshly written slot becomes what the next boots try; the other one stays for when they fail. */
export function planSetPrimary(folder: BootFolder, slot: BootSlot): readonly BootOperation[] {
  const draft = new Draft(folder);
  collectInto(draft);
  ensureEntry(draft, folder.running);
  if (slot === folder.running) {
    draft.makeGood(slot);
  } else {
    // Of two that have no tries left the newer one boots: what is to be fallen back on must not be one of them.
    if (getState(draft, folder.running) === 'bad') draft.makeGood(folder.running);
    draft.retireEntries(slot);
    draft.removeAside(slot);
    draft.write(slot, { left: trialBoots, done: 0 });
  }
  // It may sort after the other one, being an older version: then that one must step back.
  if (chooseEntry(draft.files)?.slot !== slot) draft.demote(otherSlot(slot));
  return draft.operations;
}

/** What a boot begins with: empty files go, and so does what was put aside, where nothing that boots can share it. */
export function planCollect(folder: BootFolder): readonly BootOperation[] {
  const draft = new Draft(folder);
  collectInto(draft);
  return draft.operations;
}

/** Collects, and writes the running slot's entry again when it was lost. */
export function planRepair(folder: BootFolder): readonly BootOperation[] {
  const draft = new Draft(folder);
  collectInto(draft);
  if (folder.slots[folder.running] !== undefined) ensureEntry(draft, folder.running);
  return draft.operations;
}

export function otherSlot(slot: BootSlot): BootSlot {
  return slot === 'a' ? 'b' : 'a';
}

function collectInto(draft: Draft): void {
  for (const file of draft.files) {
    if (file.sizeBytes === 0 && parseBootName(file.name) !== undefined) draft.remove(file.name);
  }
  for (const slot of bootSlots) {
    if (!draft.isVisible(slot)) draft.removeAside(slot);
  }
}

/** The slot runs, so its own image is good to boot. */
function ensureEntry(draft: Draft, slot: BootSlot): void {
  if (entriesOf(draft.files, slot).length > 0) return;
  draft.retireEntries(slot);
  draft.removeAside(slot);
  draft.write(slot);
}

function entriesOf(files: readonly BootFileEntry[], slot: BootSlot): readonly BootEntry[] {
  return bootEntries(files).filter((entry) => entry.slot === slot);
}

/** The folder as it will be after the operations so far. */
class Draft {
  readonly operations: BootOperation[] = [];
  files: readonly BootFileEntry[];
  readonly #slots: BootFolder['slots'];

  constructor({ files, slots }: BootFolder) {
    this.files = files;
    this.#slots = slots;
  }

  /** Whether any name of the slot ends in `.efi`, whatever is in it. */
  isVisible(slot: BootSlot): boolean {
    return this.#visible(slot).length > 0;
  }

  makeGood(slot: BootSlot): void {
    const good = formatBootName(slot);
    const entries = entriesOf(this.files, slot);
    const [first] = entries;
    if (first === undefined || entries.some(({ name }) => isSame(name, good))) return;
    // What has the good name but is no entry is damaged.
    this.#retire(this.files.filter(({ name }) => isSame(name, good)));
    this.rename(first.name, good);
  }

  /** Behind everything that has tries left or is good. */
  demote(slot: BootSlot): void {
    const entries = entriesOf(this.files, slot);
    const done = entries.find(({ tries }) => tries?.left === 0);
    const [first, ...rest] =
      done === undefined ? entries : [done, ...entries.filter((entry) => entry !== done)];
    if (first === undefined) return;
    if (done === undefined)
      this.rename(first.name, formatBootName(slot, { left: 0, done: first.tries?.done ?? 0 }));
    this.#retire(rest.filter(({ tries }) => tries?.left !== 0));
  }

  retireEntries(slot: BootSlot): void {
    this.#retire(this.#visible(slot));
  }

  removeAside(slot: BootSlot): void {
    for (const { name } of this.files) {
      const parsed = parseBootName(name);
      if (parsed?.kind === 'aside' && parsed.slot === slot) this.remove(name);
    }
  }

  write(slot: BootSlot, tries?: BootTries): void {
    const release = this.#slots[slot];
    if (release === undefined) throw new BootPlanRefused(`slot ${slot} holds no whole unified kernel image`);
    const name = asideName(slot);
    this.operations.push({ do: 'write', slot, to: name });
    this.files = [...this.files, { name, sizeBytes: 1, release }];
    this.rename(name, formatBootName(slot, tries));
  }

  rename(from: string, to: string): void {
    this.operations.push({ do: 'rename', from, to });
    this.files = this.files.map((file) => (isSame(file.name, from) ? { ...file, name: to } : file));
  }

  remove(name: string): void {
    this.operations.push({ do: 'remove', name });
    this.files = this.files.filter((file) => !isSame(file.name, name));
  }

  #visible(slot: BootSlot): readonly BootFileEntry[] {
    return this.files.filter(({ name }) => {
      const parsed = parseBootName(name);
      return parsed?.kind === 'entry' && parsed.slot === slot;
    });
  }

  #retire(files: readonly BootFileEntry[]): void {
    for (const { name } of files) {
      const { slot } = parseBootName(name) as { slot: BootSlot };
      this.rename(name, this.#freeRetiredName(slot));
    }
  }

  #freeRetiredName(slot: BootSlot): string {
    for (let number = 0; number <= 9; number++) {
      const name = retiredName(slot, number);
      if (!this.files.some((file) => isSame(file.name, name))) return name;
    }
    throw new BootPlanRefused(`there are too many files of slot ${slot} put aside`);
  }
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
