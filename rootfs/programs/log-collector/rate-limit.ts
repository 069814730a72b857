/** journald's numbers (journald.conf(5), RateLimitIntervalSec, RateLimitBurst). */
const intervalMs = 30_000;
const burstLines = 10_000;

/** Keeps one service that writes without end from pushing all others out of the log. */
export class RateLimit {
  #begin = 0;
  #count = 0;
  #suppressed = 0;

  /** As many of `lines` as may pass; and how many were kept back in an interval that is over. */
  pass<Line>(
    lines: readonly Line[],
    now: number,
  ): { readonly passed: readonly Line[]; readonly suppressed: number } {
    let suppressed = 0;
    if (now - this.#begin >= intervalMs) {
      suppressed = this.#suppressed;
      this.#begin = now;
      this.#count = 0;
      this.#suppressed = 0;
    }
    const passed = lines.slice(0, Math.max(burstLines - this.#count, 0));
    this.#count += lines.length;
    this.#suppressed += lines.length - passed.length;
    return { passed, suppressed };
  }
}
