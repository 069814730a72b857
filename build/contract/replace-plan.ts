/**
 * How one file on the EFI system partition is replaced by another so that its name stands at every moment for one of the two,
 * whole, wherever the power goes away; after the rules of FAT in boot-plan.ts. The boot loader's name is known to the firmware,
 * so there is no second one to fall back on. Pure.
 */
export type ReplaceOperation =
  /** Writes the new content to a name that is not there, and is done when it has been read back from the disk and was right. */
  | { readonly do: 'write'; readonly to: string }
  /** The new name is not there yet. */
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  /** Linux writes cluster and size of both into the entries where they are (fs/fat/namei_vfat.c: vfat_rename_exchange). */
  | { readonly do: 'exchange'; readonly one: string; readonly other: string }
  | { readonly do: 'remove'; readonly name: string };

export interface FoundFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Of its content; left out when it cannot be read. */
  readonly sha256?: string;
}

/** There are as many leftovers as names for them. */
export class ReplaceRefused extends Error {
  override readonly name = 'ReplaceRefused';
}

/** Where a new content is written to first: no firmware and no boot loader looks at such names. */
export function asideNames(target: string): readonly string[] {
  const stem = target.replace(/\..*$/, '');
  return [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `${stem}.${number}`);
}

/** `files`: what of the target and its aside names is in the folder. Empty when all is as it should be. */
export function planReplace(
  target: string,
  wantedSha256: string,
  files: readonly FoundFile[],
): readonly ReplaceOperation[] {
  const remove = ({ name }: FoundFile): ReplaceOperation => ({ do: 'remove', name });
  const isUnreadable = ({ sizeBytes, sha256 }: FoundFile) => sizeBytes > 0 && sha256 === undefined;
  const lost = files.filter(isUnreadable);
  const readable = files.filter((file) => !isUnreadable(file));
  const present = readable.find(({ name }) => isSame(name, target));
  const leftovers = readable.filter((file) => file !== present);
  // An exchange that was cut off leaves one file under two names.
  const doubtful = leftovers.filter(
    ({ sizeBytes, sha256 }) => sizeBytes > 0 && present !== undefined && sha256 === present.sha256,
  );
  const before = [...lost, ...leftovers.filter((file) => !doubtful.includes(file))].map(remove);
  if (present?.sha256 === wantedSha256 && doubtful.length === 0) return before;
  const aside = asideNames(target).find((each) => !doubtful.some(({ name }) => isSame(name, each)));
  if (aside === undefined) throw new ReplaceRefused(`there are too many leftovers beside ${target}`);
  const write: ReplaceOperation = { do: 'write', to: aside };
  if (present === undefined) return [...before, write, { do: 'rename', from: aside, to: target }];
  return [
    ...before,
    write,
    { do: 'exchange', one: aside, other: target },
    // What the target stands for now was written just now, and shares nothing with any of them.
    { do: 'remove', name: aside },
    ...doubtful.map(remove),
  ];
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
