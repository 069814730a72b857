import type { BootStretch, BootTimeline } from './boot.ts';

const rowHeight = 22;
const top = 64;
const left = 20;
/** Of the axis; a quick boot need not fill it. */
const longestAxis = 1100;
const widestSecond = 90;
const labelRoom = 220;

const colours = {
  firmware: '#8d99ae',
  kernel: '#457b9d',
  machine: '#e9a03b',
  service: '#4f9d69',
} as const satisfies Record<BootStretch['kind'], string>;

const legend = {
  firmware: 'firmware, boot loader',
  kernel: 'kernel, initramfs',
  machine: 'preparing the machine',
  service: 'service, until it was ready',
} as const satisfies Record<BootStretch['kind'], string>;

/** A bar for each stretch over an axis of seconds, as `systemd-analyze plot` has it. SVG 1.1, no scripts, no fonts of its own. */
export function drawBootChart({ hostname, version, stretches, readyAt }: BootTimeline): string {
  const begin = Math.floor(Math.min(0, ...stretches.map(({ start }) => start)));
  const end = Math.ceil(Math.max(1, ...stretches.map((each) => each.end ?? each.start)));
  const secondWidth = Math.min(widestSecond, longestAxis / (end - begin));
  const x = (at: number) => round(left + (at - begin) * secondWidth);
  const width = Math.ceil(x(end)) + labelRoom;
  const bottom = top + stretches.length * rowHeight;
  const height = bottom + 50;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>Boot of ${escapeText(hostname)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(
      left,
      22,
      `${hostname}: ${version}${readyAt === null ? '' : `, ready after ${(readyAt - clockStart(begin, stretches)).toFixed(2)} s`}`,
      'font-size="15"',
    ),
    ...drawAxis(begin, end, x, bottom),
    ...stretches.flatMap((stretch, row) => drawStretch(stretch, x, top + row * rowHeight, end)),
    ...drawLegend(stretches, bottom + 30),
    '</svg>',
  ].join('\n');
}

/** Where the clock of the heading starts: at the first thing that is known. */
function clockStart(begin: number, stretches: readonly BootStretch[]): number {
  return begin < 0 ? Math.min(...stretches.map(({ start }) => start)) : 0;
}

function drawAxis(begin: number, end: number, x: (at: number) => number, bottom: number): readonly string[] {
  // At most twenty marks: every second, every other, every fifth, …
  const step = [1, 2, 5, 10, 30, 60].find((each) => (end - begin) / each <= 20) ?? 300;
  const seconds = Array.from({ length: end - begin + 1 }, (_, index) => begin + index);
  return seconds
    .filter((second) => second % step === 0)
    .flatMap((second) => [
      `<line x1="${x(second)}" y1="${top - 10}" x2="${x(second)}" y2="${bottom}" stroke="${second === 0 ? '#555555' : '#dddddd'}"/>`,
      text(x(second), top - 16, `${second} s`, 'text-anchor="middle" fill="#555555"'),
    ]);
}

function drawStretch(
  { name, kind, start, end }: BootStretch,
  x: (at: number) => number,
  y: number,
  last: number,
): readonly string[] {
  const from = x(start);
  const width = Math.max(round(x(end ?? last) - from), 1);
  const label = end === null ? `${name} (not ready)` : `${name} (${(end - start).toFixed(2)} s)`;
  return [
    `<rect x="${from}" y="${y}" width="${width}" height="${rowHeight - 6}" fill="${colours[kind]}"${end === null ? ' fill-opacity="0.35"' : ''}/>`,
    // Behind the bar: a bar of a few milliseconds has no room for its name.
    text(round(from + width + 5), y + 13, label),
  ];
}

function drawLegend(stretches: readonly BootStretch[], y: number): readonly string[] {
  const kinds = (Object.keys(legend) as BootStretch['kind'][]).filter((kind) =>
    stretches.some((stretch) => stretch.kind === kind),
  );
  return kinds.flatMap((kind, index) => [
    `<rect x="${left + index * 190}" y="${y - 10}" width="12" height="12" fill="${colours[kind]}"/>`,
    text(left + index * 190 + 18, y, legend[kind]),
  ]);
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes === '' ? '' : ` ${attributes}`}>${escapeText(content)}</text>`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}

/** XML 1.0, 2.4; control characters, which it does not have, are left out. */
function escapeText(content: string): string {
  return content
    .replace(/[^\P{Cc}\t\n]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
