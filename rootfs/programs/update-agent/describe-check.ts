import type { CheckOutcome } from './check-channel.ts';

/** What a look at the channel found, for people. */
export function describeCheck(outcome: CheckOutcome): string {
  if (outcome.kind === 'no-channel') return 'this machine has no channel';
  if (outcome.kind === 'refused') return `${outcome.refusal.code}: ${outcome.refusal.message}`;
  const { decision } = outcome;
  switch (decision.kind) {
    case 'install':
      return `version ${decision.release.version} is to be installed`;
    case 'wait': {
      const until =
        decision.until === undefined ? '' : `, until ${new Date(decision.until * 1000).toISOString()}`;
      return `version ${decision.release.version} has to wait: ${decision.reason}${until}`;
    }
    case 'current':
      return `there is nothing to install: ${decision.reason}`;
    case 'refused':
      return `${decision.refusal.code}: ${decision.refusal.message}`;
  }
}
