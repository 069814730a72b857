import type { Refusal } from '../shared/tuf/refusal.ts';
import type { Judged } from './judge.ts';

/** A code is permanent: it is in the machine's history. */
export type FailureOutcome =
  /** Looked at, and not wanted: trying again would change nothing. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Something on the way broke. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** What OpenSSL and RAUC say of bundles that they would refuse every time; the first that fits counts. */
const refusals: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/certificate has expired/i, 'BUNDLE_SIGNER_EXPIRED'],
  [/certificate (is )?revoked/i, 'BUNDLE_SIGNER_REVOKED'],
  [/too small for image|larger than|too large|does not fit|not enough space/i, 'BUNDLE_TOO_LARGE'],
  [/payload is corrupted|digest check failed|verification failure/i, 'BUNDLE_DAMAGED'],
  [/signature verification failed|Failed to verify|Verify error|certificate/i, 'BUNDLE_UNSIGNED'],
  [/compatible/i, 'BUNDLE_INCOMPATIBLE'],
  [
    /not identified|No valid bundle|Invalid bundle|signature size|payload size|shorter|too small|trailing|decode/i,
    'BUNDLE_DAMAGED',
  ],
];

/** Said by files/install when it gave the server up, and by RAUC's part that talks to the server. */
const serverFailures = [
  [/^update: the server sends nothing any more/m, 'SERVER_STALLED', 'the server stopped sending'],
  [/no more retries/, 'SERVER_BROKE_OFF', 'the server broke off again and again'],
] as const satisfies readonly (readonly [pattern: RegExp, code: string, message: string])[];

export function interrupted(message: string): FailureOutcome {
  return { kind: 'failed', code: 'INSTALL_INTERRUPTED', message };
}

/** Of what RAUC and files/install printed. `isRemote`: it was read from a server. */
export function explainFailure(
  judged: Judged | undefined,
  output: string,
  isRemote: boolean,
): FailureOutcome {
  const [stalled] = serverFailures;
  const hasStalled = isRemote && stalled[0].test(output);
  if (judged?.refusal !== undefined && !hasStalled) return refusedBy(judged.refusal);
  const message = findMessage(output);
  const code = refusals.find(([pattern]) => pattern.test(message))?.[1];
  if (code !== undefined) return { kind: 'refused', code, message };
  const [, serverCode, serverMessage] = serverFailures.find(([pattern]) => pattern.test(output)) ?? [];
  if (isRemote && serverCode !== undefined && serverMessage !== undefined) {
    return { kind: 'failed', code: serverCode, message: `${serverMessage} (${message})` };
  }
  // dm-verity answers a wrong block with an input/output error, and so does a disk that cannot be read.
  if (/Input\/output error/i.test(message)) {
    return {
      kind: 'refused',
      code: 'BUNDLE_DAMAGED',
      message: `a part of it is not what was signed (${message})`,
    };
  }
  return { kind: 'failed', code: 'INSTALL_FAILED', message };
}

function refusedBy({ code, message }: Refusal): FailureOutcome {
  return { kind: 'refused', code, message };
}

function findMessage(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return (
    lines
      .find((line) => line.startsWith('LastError:'))
      ?.slice('LastError:'.length)
      .trim() ??
    lines.findLast((line) => /error|failed/i.test(line)) ??
    lines.findLast((line) => line !== '') ??
    'no reason given'
  );
}
