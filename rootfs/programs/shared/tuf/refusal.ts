/**
 * Why an index or a bundle is not taken. Codes are permanent: they are in the machine's history and in what it tells its
 * owner. `isAlarm` says that a person should look, even though the machine goes on as it is.
 */
export const refusals = {
  INDEX_UNREACHABLE: { isAlarm: false, meaning: 'the channel did not answer' },
  INDEX_TOO_LARGE: { isAlarm: true, meaning: 'the channel sent more than a file of its kind may have' },
  INDEX_MALFORMED: { isAlarm: true, meaning: 'a file of the channel is not what it should be' },
  INDEX_UNSIGNED: { isAlarm: true, meaning: 'too few keys that are trusted signed a file of the channel' },
  INDEX_OLDER: { isAlarm: true, meaning: 'a file of the channel is older than one seen before' },
  INDEX_EXPIRED: { isAlarm: true, meaning: 'nobody renewed the channel, or its news are withheld' },
  INDEX_MIXED: { isAlarm: true, meaning: 'files of the channel do not belong together' },
  INDEX_FOREIGN: { isAlarm: true, meaning: 'the files belong to another channel' },
  ROOT_MALFORMED: { isAlarm: true, meaning: 'the list of trusted keys is not what it should be' },
  ROOT_UNSIGNED: { isAlarm: true, meaning: 'too few keys signed a new list of trusted keys' },
  ROOT_SKIPPED: { isAlarm: true, meaning: 'a list of trusted keys has a version that is not the next' },
  ROOT_EXPIRED: { isAlarm: true, meaning: 'the list of trusted keys was not renewed' },
  BUNDLE_INCOMPATIBLE: { isAlarm: true, meaning: 'it was made for another kind of machine' },
  BUNDLE_DOWNGRADE: { isAlarm: false, meaning: 'it is not newer than what runs' },
  BUNDLE_BELOW_MINIMUM: { isAlarm: true, meaning: 'it is older than the channel or the image allows' },
  BUNDLE_TOO_LARGE: { isAlarm: true, meaning: 'its image does not fit this machine' },
  BUNDLE_DAMAGED: { isAlarm: true, meaning: 'a part of it is not what was signed' },
  BUNDLE_FOREIGN: { isAlarm: true, meaning: 'it is not the bundle that the channel names' },
} as const;

export type RefusalCode = keyof typeof refusals;

export interface Refusal {
  readonly code: RefusalCode;
  /** What was wrong, with names and numbers. */
  readonly message: string;
  readonly isAlarm: boolean;
}

export function refusal(code: RefusalCode, message: string): Refusal {
  return { code, message, isAlarm: refusals[code].isAlarm };
}

/** Thrown inside this folder, turned into a `Refusal` at its doors. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }

  toRefusal(): Refusal {
    return refusal(this.code, this.message);
  }
}
