/** The dated archive takes a copy every six hours; what was published just now is in the next one. */
const copyEveryMs = 6 * 3600 * 1000;

/** The date (ISO 8601) at which the dated archive has all that the suites of these dates had. */
export function snapshotDate(archiveDates: readonly string[]): string {
  const newest = Math.max(0, ...archiveDates.map((date) => Date.parse(date)));
  return new Date(newest + copyEveryMs).toISOString();
}
