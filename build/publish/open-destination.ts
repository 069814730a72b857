import { resolve } from 'node:path';
import { KeelsonError } from '../errors/keelson-error.ts';
import type { BuildHost } from '../host/build-host.ts';
import type { Destination } from './destination.ts';
import { folderDestination } from './folder-destination.ts';

export interface DestinationOptions {
  readonly workingFolder: string;
  /** File of the private key for `ssh://`; the agent and the usual files when left out. */
  readonly sshKey?: string | undefined;
}

/** `DIR`, `ssh://[user@]server[:port]/folder`, `s3://bucket[/folder][?endpoint=URL&region=NAME]`. */
export async function openDestination(
  host: BuildHost,
  place: string,
  options: DestinationOptions,
): Promise<Destination> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined) return folderDestination(resolve(options.workingFolder, place));
  const url = URL.parse(place);
  if (url === null) throw destinationInvalid(place, 'it is not a URL');
  // Secrets do not belong where a shell remembers and a process list shows them.
  if (url.password !== '') throw destinationInvalid(`${scheme}://${url.host}`, 'there is a password in it');
  if (scheme === 'ssh') {
    const { sshDestination } = await import('./ssh-destination.ts');
    return sshDestination(host, url, options);
  }
  if (scheme === 's3') {
    const { s3Destination } = await import('./s3-destination.ts');
    return s3Destination(host, url);
  }
  throw destinationInvalid(place, `${scheme}:// is not known`);
}

export function destinationInvalid(place: string, reason: string): KeelsonError {
  return new KeelsonError({
    code: 'DESTINATION_INVALID',
    class: 'input',
    message: `Cannot publish to ${place}: ${reason}`,
    hint: 'Give a folder, ssh://user@server/folder, or s3://bucket/folder?endpoint=https://….',
  });
}
