import { KeelsonError } from '../errors/keelson-error.ts';
import { DocumentFault } from './image-manifest.ts';
import type { ImageRequest } from './image-request.ts';

interface Failure {
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
  readonly class?: KeelsonError['class'];
  readonly cause?: unknown;
}

/** `Cannot use the image REFERENCE: reason`, at the place where it is asked for. */
export function imageError(
  { reference, place }: Pick<ImageRequest, 'reference' | 'place'>,
  { code, reason, hint, class: errorClass = 'input', cause }: Failure,
): KeelsonError {
  return new KeelsonError({
    code,
    class: errorClass,
    message: `Cannot use the image ${reference}: ${reason}`,
    place,
    hint,
    cause,
  });
}

/** Runs `parse`, whose faults are told as those of the image. */
export function parsing<Value>(request: ImageRequest, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error;
    throw imageError(request, {
      code: 'IMAGE_UNSUPPORTED',
      reason: error.message,
      hint: 'Name an image of a container (linux, layers packed by gzip or zstd or not at all).',
      cause: error,
    });
  }
}

interface ToolAnswer {
  readonly pattern: RegExp;
  readonly code: string;
  readonly class: KeelsonError['class'];
  readonly hint: string;
}

/** What skopeo 1.18 and cosign 2.5 say, the first that fits. */
const toolAnswers: readonly ToolAnswer[] = [
  {
    pattern: /x509:|tls: |server gave HTTP response to HTTPS/,
    code: 'REGISTRY_UNTRUSTED',
    class: 'network',
    hint: 'For an authority of your own write "image: { from: …, authorities: FILE }", or name its file in NODE_EXTRA_CA_CERTS.',
  },
  {
    pattern:
      /unauthorized|authentication required|access .*denied|denied:|40[13] (?:Unauthorized|Forbidden)/i,
    code: 'IMAGE_ACCESS_DENIED',
    class: 'input',
    hint: 'Log in with `docker login` or `podman login`, or name a credentials file in REGISTRY_AUTH_FILE. Credential helpers are not run.',
  },
  {
    pattern: /(?:manifest|name)[ _]unknown|not found/i,
    code: 'IMAGE_NOT_FOUND',
    class: 'input',
    hint: 'Correct the name, the tag or the digest.',
  },
  {
    pattern: /did not match|does not match|digest.*mismatch|file too large|unexpected EOF|invalid checksum/i,
    code: 'IMAGE_DAMAGED',
    class: 'network',
    hint: 'The registry gives other bytes than it promised: try again, or another registry.',
  },
  {
    pattern: /dial tcp|connection refused|no such host|timeout|i\/o|deadline|connection reset/,
    code: 'REGISTRY_UNREACHABLE',
    class: 'network',
    hint: 'Check the name of the registry and the network; a proxy is taken from HTTPS_PROXY.',
  },
];

/** What a tool said when it failed, as an error that a person can act on. */
export function asImageError(request: ImageRequest, error: unknown): unknown {
  if (!(error instanceof KeelsonError) || error.code !== 'TOOL_FAILED') return error;
  const reason = lastWords(error.message);
  const answer = toolAnswers.find(({ pattern }) => pattern.test(reason.replaceAll(nameOf(request), '')));
  return imageError(request, {
    code: answer?.code ?? 'IMAGE_UNREADABLE',
    class: answer?.class ?? 'environment',
    reason,
    hint: answer?.hint ?? 'Look at the image with `skopeo inspect`.',
  });
}

/** A registry may be called anything. */
function nameOf({ source, reference }: ImageRequest): string {
  return source.kind === 'registry' ? `${source.registry}/${source.repository}` : reference;
}

/** Of `time=… level=fatal msg="…"` the message; else the last line. */
export function lastWords(message: string): string {
  const lines = message.split('\n').slice(1);
  const fatal = lines.findLast((line) => line.includes('level=fatal'));
  const [, quoted] = /msg="((?:[^"\\]|\\.)*)"/.exec(fatal ?? '') ?? [];
  const said = quoted?.replaceAll(/\\(.)/g, '$1') ?? lines.findLast((line) => /\S/.test(line)) ?? '';
  return (
    said
      .trim()
      // A registry may send words to a terminal.
      .replaceAll(/\p{Cc}/gu, ' ')
      .replace(/^(?:Error parsing image name "[^"]*": |Error: |error during command execution: )/, '')
      .slice(0, 500)
  );
}
