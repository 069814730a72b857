import { type Level, levels } from '../shared/log-line.ts';

/** Names in the field for the levels of syslog(3). */
const names: Readonly<Record<string, Level>> = {
  emerg: 'emerg',
  emergency: 'emerg',
  panic: 'emerg',
  alert: 'alert',
  crit: 'crit',
  critical: 'crit',
  fatal: 'crit',
  err: 'err',
  error: 'err',
  warn: 'warning',
  warning: 'warning',
  notice: 'notice',
  info: 'info',
  information: 'info',
  debug: 'debug',
  trace: 'debug',
};

/** Places where programs write the level of a line: as a key (logfmt, JSON), in brackets, as the first word. */
const places = [
  /^(?:.{0,80}\s)?level="?([a-z]+)"?(?:\s|$)/i,
  /^\{.{0,200}?"(?:level|severity|lvl)"\s*:\s*"([a-z]+)"/i,
  /^.{0,40}?[[<(]\s*([a-z]+)\s*[\])>]/i,
  /^(?:[\d:.,TZ/+-]+\s+){0,2}([A-Z]{3,}|[a-z]+:)(?=[\s:|]|$)/,
];

/** The level of a line where the line tells it, and the line without the prefix of sd-daemon(3), `<4>`. */
export function guessLevel(text: string): { readonly level?: Level; readonly message: string } {
  const prefix = /^<([0-7])>/.exec(text);
  if (prefix !== null) {
    return { level: levels[Number(prefix[1])] as Level, message: text.slice(3).trimStart() };
  }
  for (const place of places) {
    const word = place.exec(text)?.[1]?.replace(':', '').toLowerCase();
    if (word !== undefined && Object.hasOwn(names, word))
      return { level: names[word] as Level, message: text };
  }
  return { message: text };
}
