import type { ArchiveName } from '../debian/package.ts';
import { KeelsonError } from '../errors/keelson-error.ts';

/** The archive that carries a suite: `trixie-security` and its like have their own. */
export function archiveOfSuite(suite: string): ArchiveName {
  return suite.endsWith('-security') ? 'debian-security' : 'debian';
}

/** Suites become parts of paths and of apt's configuration: nothing but Debian's own alphabet passes. */
export function checkSuite(suite: string): void {
  if (/^[a-z][a-z0-9-]{0,63}$/.test(suite)) return;
  throw new KeelsonError({
    code: 'SUITE_INVALID',
    class: 'input',
    message: `Cannot lock packages of suite ${JSON.stringify(suite)}: that is no name of a Debian suite`,
    hint: 'Use a code name such as trixie, trixie-security or trixie-backports.',
  });
}
