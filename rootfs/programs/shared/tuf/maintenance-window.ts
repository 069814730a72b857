export const weekDays = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const;
export type WeekDay = (typeof weekDays)[number];

/** When a machine may restart for an update, every week, in UTC. May go on past midnight. */
export interface MaintenanceWindow {
  /** On which it opens; none means every day. */
  readonly days: readonly WeekDay[];
  /** After midnight, 0 to 1439. */
  readonly startMinute: number;
  /** 1 to 1440. */
  readonly lengthMinutes: number;
}

const daySeconds = 86_400;

/**
 * The first time from `now` on (seconds since the epoch) at which a window is open: `now` itself when one is, or when there
 * are none at all.
 */
export function nextOpening(windows: readonly MaintenanceWindow[], now: number): number {
  if (windows.length === 0) return now;
  const today = Math.floor(now / daySeconds);
  const openings = windows.flatMap((window) =>
    // From yesterday, whose window may still be open, to the same day of next week.
    Array.from({ length: 9 }, (_, index) => today - 1 + index)
      .filter((day) => window.days.length === 0 || window.days.includes(dayOfWeek(day)))
      .map((day) => day * daySeconds + window.startMinute * 60)
      .filter((start) => start + window.lengthMinutes * 60 > now),
  );
  return Math.max(now, Math.min(...openings));
}

/** 1 January 1970 was a Thursday. */
function dayOfWeek(day: number): WeekDay {
  return weekDays[(day + 4) % 7] as WeekDay;
}
