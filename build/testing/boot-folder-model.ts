import {
  type BootFileEntry,
  type BootSlot,
  chooseEntry,
  countedName,
  parseBootName,
} from '../contract/boot-entries.ts';
import type { BootFolder, BootOperation } from '../contract/boot-plan.ts';

/** Clusters with the content that was written to them; an empty file has none. */
interface Chain {
  readonly id: number;
  readonly slot: BootSlot;
  readonly version: string;
  readonly isWhole: boolean;
}

/** \EFI\Linux on FAT: names that may share clusters after a rename was cut off, and which clusters are in use. */
export interface FolderState {
  readonly names: Readonly<Record<string, Chain | undefined>>;
  /** Given back while a name still stands for them: reading it fails. */
  readonly freed: readonly number[];
}

export interface MachineState {
  readonly folder: FolderState;
  /** Version of the root in each slot; `undefined` while it is being written over. */
  readonly roots: Readonly<Record<BootSlot, string | undefined>>;
}

let nextChain = 1;
export const makeChain = (slot: BootSlot, version: string, isWhole = true): Chain => ({
  id: nextChain++,
  slot,
  version,
  isWhole,
});

/** What the machine sees when it lists the folder; with `roots` also whether the content is that of the slot. */
export function listFiles(
  { folder }: Pick<MachineState, 'folder'>,
  roots?: MachineState['roots'],
): readonly BootFileEntry[] {
  return Object.entries(folder.names).map(([name, chain]) => {
    if (chain === undefined) return { name, sizeBytes: 0 };
    const entry = { name, sizeBytes: 9, release: { imageId: 'demo', version: chain.version } };
    if (roots === undefined) return entry;
    if (folder.freed.includes(chain.id)) return { name, sizeBytes: 9, content: 'unreadable' };
    const isRight = chain.isWhole && roots[chain.slot] === chain.version;
    return { ...entry, content: isRight ? 'right' : 'wrong' };
  });
}

/** As `folderOf`, with the content of every file compared. */
export function examine(state: MachineState, running: BootSlot): BootFolder {
  return { ...folderOf(state, running), files: listFiles(state, state.roots) };
}

export function folderOf(state: MachineState, running: BootSlot): BootFolder {
  const release = (version: string | undefined) =>
    version === undefined ? undefined : { imageId: 'demo', version };
  const a = release(state.roots.a);
  const b = release(state.roots.b);
  return { files: listFiles(state), running, slots: { ...(a && { a }), ...(b && { b }) } };
}

/** Every state that a power cut within the operation may leave, the finished one last. */
export function crashStates(state: MachineState, operation: BootOperation): readonly MachineState[] {
  const { names, freed } = state.folder;
  const withFolder = (folder: FolderState): MachineState => ({ ...state, folder });
  switch (operation.do) {
    case 'write': {
      if (operation.to in names) throw new Error(`${operation.to} is written over`);
      const version = state.roots[operation.slot];
      if (version === undefined) throw new Error(`slot ${operation.slot} holds nothing to write`);
      const with_ = (chain: Chain | undefined) =>
        withFolder({ names: { ...names, [operation.to]: chain }, freed });
      return [
        state,
        with_(undefined),
        with_(makeChain(operation.slot, version, false)),
        with_(makeChain(operation.slot, version)),
      ];
    }
    case 'rename': {
      const { from, to } = operation;
      if (!(from in names)) throw new Error(`${from} is not there`);
      if (to in names) throw new Error(`${to} is replaced`);
      const { [from]: chain, ...rest } = names;
      // As found with Linux and dirsync: old, old and empty new, both, new.
      return [
        state,
        withFolder({ names: { ...names, [to]: undefined }, freed }),
        withFolder({ names: { ...names, [to]: chain }, freed }),
        withFolder({ names: { ...rest, [to]: chain }, freed }),
      ];
    }
    case 'exchange': {
      const { one, other } = operation;
      if (!(one in names) || !(other in names)) throw new Error(`${one} or ${other} is not there`);
      const [first, second] = [names[one], names[other]];
      // Two entries of one sector, or of two that reach the disk in any order.
      return [
        state,
        withFolder({ names: { ...names, [one]: second }, freed }),
        withFolder({ names: { ...names, [other]: first }, freed }),
        withFolder({ names: { ...names, [one]: second, [other]: first }, freed }),
      ];
    }
    case 'remove': {
      const { [operation.name]: chain, ...rest } = names;
      if (!(operation.name in names)) throw new Error(`${operation.name} is not there`);
      const after = chain === undefined ? freed : [...freed, chain.id];
      return [state, withFolder({ names, freed: after }), withFolder({ names: rest, freed: after })];
    }
  }
}

export function finish(state: MachineState, operations: readonly BootOperation[]): MachineState {
  return operations.reduce(
    (before, operation) => crashStates(before, operation).at(-1) as MachineState,
    state,
  );
}

/** Each state that a power cut anywhere in the plan may leave. */
export function* cutsOf(state: MachineState, operations: readonly BootOperation[]): Generator<MachineState> {
  let before = state;
  for (const operation of operations) {
    const states = crashStates(before, operation);
    yield* states;
    before = states.at(-1) as MachineState;
  }
}

export type BootOutcome =
  | {
      readonly kind: 'booted';
      readonly slot: BootSlot;
      readonly version: string;
      readonly after: MachineState;
    }
  | { readonly kind: 'stuck'; readonly reason: string };

/**
 * The firmware's part: takes the first entry, counts, reads it. systemd-boot 257 goes no further when what it took cannot be
 * read; a kernel whose root is not there restarts, which counts as a try.
 */
export function boot(state: MachineState): BootOutcome {
  const { names, freed } = state.folder;
  for (const [name, chain] of Object.entries(names)) {
    const isVisible = parseBootName(name)?.kind === 'entry';
    if (isVisible && chain !== undefined && (freed.includes(chain.id) || !chain.isWhole))
      return { kind: 'stuck', reason: `${name} cannot be read` };
  }
  const entry = chooseEntry(listFiles(state));
  if (entry === undefined) return { kind: 'stuck', reason: 'there is nothing to boot' };
  const chain = names[entry.name] as Chain;
  const counted = countedName(entry);
  const { [entry.name]: _, ...rest } = names;
  const after =
    counted === undefined ? state : { ...state, folder: { names: { ...rest, [counted]: chain }, freed } };
  if (state.roots[chain.slot] !== chain.version)
    return { kind: 'stuck', reason: `${entry.name} finds no root of its own` };
  return { kind: 'booted', slot: chain.slot, version: chain.version, after };
}
