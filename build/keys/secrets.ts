import { KeelsonError } from '../errors/keelson-error.ts';

export interface SecretRequest {
  readonly kind: 'passphrase' | 'pin';
  /** For the person who is asked: `the offline keys of acme`. */
  readonly what: string;
  /** Offline keys have a passphrase of their own. */
  readonly isOffline: boolean;
  /** To be chosen now, so asked twice. */
  readonly isNew: boolean;
}

/** Where passphrases and PINs come from: a prompt, a variable, a file descriptor. Called only when a key is used. */
export type AskSecret = (request: SecretRequest) => Promise<string>;

/** For keys that need none: whoever asks is told what to do. */
export const noSecrets: AskSecret = async ({ what }) => {
  throw new KeelsonError({
    code: 'PASSPHRASE_ABSENT',
    class: 'input',
    message: `Cannot open ${what}: nobody is there to ask for the passphrase`,
    hint: 'Run in a terminal, or say --passphrase-env NAME or --passphrase-fd N.',
  });
};

/** Asks once for each of offline keys, online keys and tokens. */
export function rememberSecrets(ask: AskSecret): AskSecret {
  const known = new Map<string, Promise<string>>();
  return (request) => {
    const name = `${request.kind} ${request.isOffline}${request.kind === 'pin' ? request.what : ''}`;
    const earlier = known.get(name);
    if (earlier !== undefined) return earlier;
    const answer = ask(request);
    known.set(name, answer);
    answer.catch(() => known.delete(name));
    return answer;
  };
}
