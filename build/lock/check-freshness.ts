import { KeelsonError } from '../errors/keelson-error.ts';
import type { Lockfile } from './lockfile.ts';

/**
 * Debian's main suites have no Valid-Until: an old signed index stays valid for ever, and with it every hole that
 * was closed since. So a suite's date may never go back from one lockfile to the next.
 */
export function checkFreshness(before: Lockfile | undefined, archives: Lockfile['archives']): void {
  for (const [suite, date] of Object.entries(archives)) {
    const known = before?.archives[suite];
    if (known === undefined || Date.parse(date) >= Date.parse(known)) continue;
    throw new KeelsonError({
      code: 'ARCHIVE_ROLLED_BACK',
      class: 'network',
      message: `Cannot trust the index of ${suite}: it is from ${date}, the lockfile was made from that of ${known}`,
      hint: 'Use a mirror that is kept up to date; to go back on purpose, remove the lockfile first.',
    });
  }
}
