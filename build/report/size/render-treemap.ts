import { type HierarchyRectangularNode, hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import type { ShownSizes } from './measure-slot.ts';
import { megabytes, share } from './render-sizes.ts';
import type { SizePart } from './size-part.ts';

type Cell = HierarchyRectangularNode<SizePart>;

const page = { width: 1600, height: 1000 };
/** Room for the name of a part that has parts, by its depth. */
const headHeights = [24, 22, 18, 14];
/** What is smaller is drawn as part of the ground; the list under the map has it. */
const smallestSide = 0.7;
const letter = { width: 6.1, height: 12 };
/** In an order in which neighbours are far from each other. */
const hues = [212, 28, 140, 280, 350, 180, 55, 100, 310, 240, 15, 160];

/**
 * One HTML file that needs nothing else: a squarified treemap as SVG, areas as what is stored, and under it the same as lists that open.
 * No script and no network; everything has a title, for pointers and for readers of screens.
 */
export function renderTreemap({ whole }: ShownSizes): string {
  const root = hierarchy<SizePart>(whole, ({ parts }) => parts)
    // Sizes are counted at the ends alone: a part is exactly as large as its parts.
    .sum(({ parts, storedBytes }) => (parts.length === 0 ? storedBytes : 0));
  const layout = treemap<SizePart>()
    .tile(treemapSquarify)
    .size([page.width, page.height])
    .paddingTop(({ depth }) => headHeights[depth] ?? 0)
    .paddingRight(({ depth }) => (depth < 3 ? 2 : 0))
    .paddingBottom(({ depth }) => (depth < 3 ? 2 : 0))
    .paddingLeft(({ depth }) => (depth < 3 ? 2 : 0))
    .paddingInner(1)
    .round(false);
  const map = layout(root);
  const title = `${whole.name}: where each megabyte is`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${styles}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p>Unified kernel image and root: ${megabytes(whole.storedBytes)} MB as stored, ${megabytes(whole.unpackedBytes)} MB unpacked. Areas are what is stored; point at a part for its figures, or open the list below.</p>
<svg viewBox="0 0 ${page.width} ${page.height}" role="img" aria-label="${escaped(describe(map))}">
${drawCells(map)}
</svg>
<h2>The same as a list</h2>
<ul>${listPart(whole, whole, 0)}</ul>
</body>
</html>
`;
}

const styles = `
:root { color-scheme: light dark; --ground: #fff; --text: #1b1b1b; --light: 86%; --head: 76%; }
@media (prefers-color-scheme: dark) { :root { --ground: #161616; --text: #f2f2f2; --light: 27%; --head: 20%; } }
body { margin: 1rem; background: var(--ground); color: var(--text); font: 14px/1.4 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; }
svg { width: 100%; height: auto; }
rect { fill: hsl(var(--hue, 0) var(--rich, 0%) var(--light)); }
.has-parts > rect { fill: hsl(var(--hue, 0) var(--rich, 0%) var(--head)); }
g:hover > rect { stroke: var(--text); stroke-width: 1.5; }
text { fill: var(--text); font: 11px system-ui, sans-serif; pointer-events: none; }
.large > text { font-size: 14px; font-weight: 600; }
ul { list-style: none; padding-left: 1.2rem; } li { margin: 0.1rem 0; }
summary { cursor: pointer; }
`;

function drawCells(cell: Cell): string {
  const [width, height] = [cell.x1 - cell.x0, cell.y1 - cell.y0];
  if (width < smallestSide || height < smallestSide) return '';
  const { depth, children = [] } = cell;
  const classes = [...(children.length > 0 ? ['has-parts'] : []), ...(depth < 2 ? ['large'] : [])];
  const attributes = [
    ...(classes.length > 0 ? [`class="${classes.join(' ')}"`] : []),
    ...(depth === 2 ? [`style="--hue:${hueOf(cell)};--rich:45%"`] : []),
  ];
  const rectangle = `<rect x="${near(cell.x0)}" y="${near(cell.y0)}" width="${near(width)}" height="${near(height)}"/>`;
  const inner = `<title>${escaped(describe(cell))}</title>${rectangle}${drawLabel(cell, width, height)}`;
  return `<${['g', ...attributes].join(' ')}>${inner}${children.map(drawCells).join('')}</g>\n`;
}

/** The name, as far as there is room, and its size after it or under it. */
function drawLabel({ x0, y0, data, depth, children }: Cell, width: number, height: number): string {
  const scale = depth < 2 ? 1.3 : 1;
  const room = Math.floor((width - 6) / (letter.width * scale));
  if (height < letter.height * scale || room < 3) return '';
  const name = data.name.startsWith('/') ? lastName(data.name) : data.name.replace(/^package /, '');
  const isParent = children !== undefined;
  const withFigure = `${name}  ${size(data.storedBytes)}`;
  const words = isParent && withFigure.length <= room ? withFigure : name;
  const baseline = y0 + Math.min(height - 2, 11 * scale + 1);
  const lines = [text(x0 + 3, baseline, words.length <= room ? words : `${words.slice(0, room - 1)}…`)];
  const figure = size(data.storedBytes);
  if (!isParent && height > 2.2 * letter.height && figure.length <= room) {
    lines.push(text(x0 + 3, baseline + letter.height, figure));
  }
  return lines.join('');
}

function text(x: number, y: number, words: string): string {
  return `<text x="${near(x)}" y="${near(y)}">${escaped(words)}</text>`;
}

/** By its place among its neighbours, so that those side by side differ. */
function hueOf(cell: Cell): number {
  const position = cell.parent?.children?.indexOf(cell) ?? 0;
  const offset = cell.parent?.parent?.children?.indexOf(cell.parent) ?? 0;
  return hues[(position + 4 * offset) % hues.length] as number;
}

function listPart(part: SizePart, whole: SizePart, depth: number): string {
  const figures = `${escaped(part.name)}: ${figuresOf(part, whole.storedBytes)}`;
  if (part.parts.length === 0) return `<li>${figures}</li>`;
  const inner = part.parts.map((each) => listPart(each, whole, depth + 1)).join('');
  return `<li><details${depth < 2 ? ' open' : ''}><summary>${figures}</summary><ul>${inner}</ul></details></li>\n`;
}

/** `root / service sshd / package libc6 / /usr/lib/…: 1.2 MB stored (2.8 %), 3.4 MB unpacked`. */
function describe(cell: Cell): string {
  const names = cell.ancestors().map(({ data }) => data.name);
  const wholeBytes = cell.ancestors().at(-1)?.data.storedBytes ?? cell.data.storedBytes;
  const path = names.length > 1 ? names.slice(0, -1).reverse() : names;
  return `${path.join(' / ')}: ${figuresOf(cell.data, wholeBytes)}`;
}

function figuresOf(
  { storedBytes, unpackedBytes, fileCount, sharedBy, isPortion, parts }: SizePart,
  wholeBytes: number,
): string {
  return [
    `${isPortion === true ? 'about ' : ''}${size(storedBytes)} stored (${share(storedBytes, wholeBytes)})`,
    ...(unpackedBytes === storedBytes ? [] : [`${size(unpackedBytes)} unpacked`]),
    ...(parts.length > 0 && fileCount > 0 ? [`${fileCount} ${fileCount === 1 ? 'file' : 'files'}`] : []),
    ...(sharedBy === undefined ? [] : [`shared by ${sharedBy.length}: ${sharedBy.join(', ')}`]),
  ].join(', ');
}

function size(bytes: number): string {
  return bytes >= 100_000 ? `${megabytes(bytes)} MB` : `${(bytes / 1000).toFixed(1)} kB`;
}

function lastName(path: string): string {
  return path.split('/').at(-1) ?? path;
}

function near(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letterOf) => `&#${letterOf.charCodeAt(0)};`);
}
