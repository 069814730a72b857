import { openSync, readFileSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { KeelsonError } from '../errors/keelson-error.ts';
import { type AskSecret, noSecrets, type SecretRequest } from '../keys/secrets.ts';
import type { CommandContext } from './session.ts';

/** Where passphrases come from when they are not typed. Never the passphrase itself: arguments can be read by everyone. */
export interface SecretOptions {
  /** Names of variables. */
  readonly passphraseEnv?: string;
  readonly offlinePassphraseEnv?: string;
  readonly pinEnv?: string;
  /** A file descriptor: the passphrase of the signing keys on the first line, that of the offline keys on the second. */
  readonly passphraseFd?: number;
}

const leastCharacters = 8;

export function createAskSecret(context: CommandContext, options: SecretOptions): AskSecret {
  let lines: readonly string[] | undefined;
  return async (request) => {
    const variable = variableFor(options, request);
    let secret: string;
    if (variable !== undefined) secret = fromVariable(context, variable, request);
    else if (options.passphraseFd !== undefined && request.kind === 'passphrase') {
      lines ??= readLines(options.passphraseFd);
      secret = (request.isOffline ? lines[1] : undefined) ?? lines[0] ?? '';
    } else secret = await prompt(context, request);
    if (request.isNew && secret.length < leastCharacters) throw tooShort(request);
    return secret;
  };
}

/** Without one of their own, offline keys have the passphrase of the others. */
function variableFor(options: SecretOptions, request: SecretRequest): string | undefined {
  if (request.kind === 'pin') return options.pinEnv;
  return (request.isOffline ? options.offlinePassphraseEnv : undefined) ?? options.passphraseEnv;
}

function fromVariable(context: CommandContext, name: string, { what }: SecretRequest): string {
  const value = context.host.environmentVariable(name);
  if (value !== undefined && value !== '') return value;
  throw new KeelsonError({
    code: 'PASSPHRASE_ABSENT',
    class: 'input',
    message: `Cannot open ${what}: the variable ${name} is not set`,
    hint: `Set ${name}, or leave the option out to be asked.`,
  });
}

function readLines(descriptor: number): readonly string[] {
  try {
    return readFileSync(descriptor, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (cause) {
    throw new KeelsonError({
      code: 'PASSPHRASE_ABSENT',
      class: 'input',
      message: `Cannot read a passphrase from file descriptor ${descriptor}`,
      hint: 'Open it in the calling shell, for instance with 3<passphrase-file.',
      cause,
    });
  }
}

function tooShort({ what }: SecretRequest): KeelsonError {
  return new KeelsonError({
    code: 'PASSPHRASE_SHORT',
    class: 'input',
    message: `Cannot protect ${what} with a passphrase of fewer than ${leastCharacters} characters`,
    hint: 'Take a few words that do not belong together.',
  });
}

/** Asks on the terminal, without echo, also when standard input is something else. */
async function prompt(context: CommandContext, request: SecretRequest): Promise<string> {
  let terminal: ReadStream;
  try {
    terminal = new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    return noSecrets(request);
  }
  try {
    const name = request.kind === 'pin' ? 'PIN' : request.isNew ? 'New passphrase' : 'Passphrase';
    const secret = await readHidden(context, terminal, `${name} for ${request.what}: `);
    if (!request.isNew) return secret;
    if ((await readHidden(context, terminal, 'The same again: ')) === secret) return secret;
    throw new KeelsonError({
      code: 'PASSPHRASE_DIFFERENT',
      class: 'input',
      message: `Cannot protect ${request.what}: the two passphrases differ`,
      hint: 'Try again.',
    });
  } finally {
    terminal.destroy();
  }
}

function readHidden(context: CommandContext, terminal: ReadStream, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (end: () => void) => {
      terminal.off('data', take);
      terminal.setRawMode(false);
      terminal.pause();
      context.writeError('');
      end();
    };
    const take = (chunk: Buffer) => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n') return finish(() => resolve(text));
        if (character === '\u0003' || character === '\u0004')
          return finish(() =>
            reject(new KeelsonError({ code: 'INTERRUPTED', class: 'environment', message: 'Interrupted' })),
          );
        if (character === '\u007f' || character === '\b') text = text.slice(0, -1);
        else if (character === '\u0015') text = '';
        else text += character;
      }
    };
    context.writeError(question);
    terminal.setRawMode(true);
    terminal.on('data', take);
    terminal.resume();
  });
}
