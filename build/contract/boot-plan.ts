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
 * 3. A name whose file cannot be read may stand for clusters that are free, and to give it back later would tear away what was
 *    written there since: it goes before anything is written. Nobody boots it, so nothing is lost.
 * 4. Names whose content differs do not share clusters.
 */
export type BootOperation =
  /**
   * Writes the unified kernel image of the slot itself to a name that is not there yet, and is done when it has been read
   * back from the disk and was right.
   */
  | { readonly do: 'write'; readonly slot: BootSlot; readonly to: string }
  /** The new name is not there yet. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  /** Two names that are there change places; at every moment each of them stands for one of the two files, whole. */
  | { readonly do: 'exchange'; readonly one: string; readonly other: string }
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

/** Collects, and writes the running slot's entry again when it was lost or is not what the slot holds. */
export function planRepair(folder: BootFolder): readonly BootOperation[] {
  const draft = new Draft(folder);
  for (const { name, content } of draft.files) {
    if (content === 'unreadable') draft.remove(name);
  }
  collectInto(draft);
  if (folder.slots[folder.running] !== undefined) {
    draft.mend(folder.running);
    ensureEntry(draft, folder.running);
  }
  return draft.operations;
}

/**
 * The same for the slot that does not run, after the running one. That its entry is missing is no fault: so it is when the slot
 * was about to be written. Only when the folder is new nobody knows that, and it is written as one to fall back on.
 */
export function planRepairOther(folder: BootFolder, isNew: boolean): readonly BootOperation[] {
  const draft = new Draft(folder);
  const other = otherSlot(folder.running);
  if (folder.slots[other] === undefined) return [];
  draft.mend(other);
  if (isNew) {
    ensureEntry(draft, other);
    if (chooseEntry(draft.files)?.slot === other) draft.demote(other);
  }
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
    const name = asideName(slot);
    this.#writeAside(slot, name);
    this.rename(name, formatBootName(slot, tries));
  }

  /** Every visible name stands for what the slot holds, or for nothing; the name that would be booted keeps its tries. */
  mend(slot: BootSlot): void {
    const wrong = this.#visible(slot).filter(({ content }) => content === 'wrong');
    const isRight = this.#visible(slot).some(({ content }) => content === 'right');
    const first = chooseEntry(wrong) ?? wrong[0];
    if (first === undefined) return;
    if (!isRight) {
      const isTaken = this.files.some(({ name }) => isSame(name, asideName(slot)));
      const name = isTaken ? this.#freeRetiredName(slot) : asideName(slot);
      this.#writeAside(slot, name);
      this.#exchange(name, first.name);
    }
    const left = this.#visible(slot).filter(({ content }) => content === 'wrong');
    this.#retire(left);
    for (const { name, content } of this.files) {
      const parsed = parseBootName(name);
      if (parsed?.kind === 'aside' && parsed.slot === slot && content === 'wrong') this.remove(name);
    }
  }

  rename(from: string, to: string): void {
    this.operations.push({ do: 'rename', from, to });
    this.files = this.files.map((file) => (isSame(file.name, from) ? { ...file, name: to } : file));
  }

  remove(name: string): void {
    this.operations.push({ do: 'remove', name });
    this.files = this.files.filter((file) => !isSame(file.name, name));
  }

  #writeAside(slot: BootSlot, name: string): void {
    const release = this.#slots[slot];
    if (release === undefined) throw new BootPlanRefused(`slot ${slot} holds no whole unified kernel image`);
    this.operations.push({ do: 'write', slot, to: name });
    this.files = [...this.files, { name, sizeBytes: 1, release, content: 'right' }];
  }

  #exchange(one: string, other: string): void {
    this.operations.push({ do: 'exchange', one, other });
    const at = (name: string) => this.files.find((file) => isSame(file.name, name)) as BootFileEntry;
    const [first, second] = [at(one), at(other)];
    this.files = this.files.map((file) =>
      file === first ? { ...second, name: one } : file === second ? { ...first, name: other } : file,
    );
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
