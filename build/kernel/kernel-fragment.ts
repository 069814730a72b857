import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';

/** `y`, `n`, `m`, or what stands right of `=`, with its quotes. */
export type KernelValue = string;

/** What one line of a fragment wants. */
export interface KernelSetting {
  /** Without `CONFIG_`. */
  readonly symbol: string;
  readonly value: KernelValue;
  readonly place: Place;
  /** The comment above the lines. */
  readonly reason: string;
}

/** A fragment as it was read: kernel-config/README.md says what a file looks like. */
export interface KernelFragment {
  /** As the recipe names it, such as `purpose/verity`. */
  readonly name: string;
  readonly settings: readonly KernelSetting[];
}

const settingPattern = /^CONFIG_([A-Za-z0-9_]+)=(y|n|m|-?[0-9]+|0x[0-9a-fA-F]+|"[^"\\]*")$/;
const offPattern = /^# CONFIG_([A-Za-z0-9_]+) is not set$/;

/**
 * Reads a fragment: lines of a kernel's `.config`, and comments, of which the last before a line is its reason
 * (https://docs.kernel.org/kbuild/kconfig.html). Faults: FRAGMENT_INVALID, FRAGMENT_REASON_MISSING, FRAGMENT_SYMBOL_TWICE.
 */
export function parseFragment(name: string, file: string, text: string, faults: FaultList): KernelFragment {
  const settings = new Map<string, KernelSetting>();
  let comment: string[] = [];
  let isAfterSetting = false;
  for (const [index, sourceLine] of text.split('\n').entries()) {
    const place = { file, line: index + 1, column: 1, sourceLine };
    const found = parseSetting(sourceLine);
    if (found === undefined) {
      if (sourceLine === '') comment = [];
      else if (/^#( |$)/.test(sourceLine)) {
        comment = isAfterSetting ? [sourceLine.slice(2)] : [...comment, sourceLine.slice(2)];
      } else faults.add(lineFault(place));
      isAfterSetting = false;
      continue;
    }
    isAfterSetting = true;
    const earlier = settings.get(found.symbol);
    if (earlier !== undefined) {
      faults.add({
        code: 'FRAGMENT_SYMBOL_TWICE',
        message: `Cannot set CONFIG_${found.symbol} twice: line ${earlier.place.line} has it already`,
        place,
        hint: 'remove one of the two lines',
      });
    }
    if (comment.length === 0) {
      faults.add({
        code: 'FRAGMENT_REASON_MISSING',
        message: `Cannot tell why CONFIG_${found.symbol} is set`,
        place,
        hint: 'write the reason as a comment above the line, or above its group of lines',
      });
    }
    settings.set(found.symbol, { ...found, place, reason: comment.join(' ') });
  }
  return { name, settings: [...settings.values()] };
}

function parseSetting(line: string): { readonly symbol: string; readonly value: KernelValue } | undefined {
  const off = offPattern.exec(line)?.[1];
  if (off !== undefined) return { symbol: off, value: 'n' };
  const [, symbol, value] = settingPattern.exec(line) ?? [];
  return symbol === undefined || value === undefined ? undefined : { symbol, value };
}

function lineFault(place: Place) {
  return {
    code: 'FRAGMENT_INVALID',
    message: 'Cannot read this line of a kernel fragment',
    place,
    hint: 'write CONFIG_NAME=y, CONFIG_NAME="text", # CONFIG_NAME is not set, or a comment that begins with "# "',
  };
}

/** What a list of fragments wants: of each symbol the last word, with the words before it. */
export interface WantedSymbol {
  readonly symbol: string;
  readonly value: KernelValue;
  /** In the order of the fragments; the last one counts. */
  readonly settings: readonly (KernelSetting & { readonly fragment: string })[];
}

export function mergeFragments(fragments: readonly KernelFragment[]): ReadonlyMap<string, WantedSymbol> {
  const wanted = new Map<string, WantedSymbol>();
  for (const { name, settings } of fragments) {
    for (const setting of settings) {
      const earlier = wanted.get(setting.symbol)?.settings ?? [];
      wanted.set(setting.symbol, {
        symbol: setting.symbol,
        value: setting.value,
        settings: [...earlier, { ...setting, fragment: name }],
      });
    }
  }
  return wanted;
}

/** The same as text that Kconfig reads (KCONFIG_ALLCONFIG). */
export function formatWanted(wanted: ReadonlyMap<string, WantedSymbol>): string {
  return [...wanted.values()]
    .map(({ symbol, value }) =>
      value === 'n' ? `# CONFIG_${symbol} is not set\n` : `CONFIG_${symbol}=${value}\n`,
    )
    .join('');
}

/** A whole `.config`: symbols that it does not name are off. */
export function parseConfiguration(text: string): ReadonlyMap<string, KernelValue> {
  const values = new Map<string, KernelValue>();
  for (const line of text.split('\n')) {
    const off = offPattern.exec(line)?.[1];
    const [, symbol, value] = /^CONFIG_([A-Za-z0-9_]+)=(.*)$/.exec(line) ?? [];
    if (off !== undefined) values.set(off, 'n');
    else if (symbol !== undefined && value !== undefined) values.set(symbol, value);
  }
  return values;
}
