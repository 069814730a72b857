import { relative } from 'node:path';
import type { RequiredSymbol } from '../kernel/check-configuration.ts';
import type { KernelValue, WantedSymbol } from '../kernel/kernel-fragment.ts';

/** What is known of one symbol of a kernel's configuration. */
export interface ExplainedSymbol {
  /** Without `CONFIG_`. */
  readonly symbol: string;
  readonly value: KernelValue;
  /** In the order of the fragments; the last one has the last word. */
  readonly settings: readonly {
    readonly fragment: string;
    readonly file: string;
    readonly line: number;
    readonly value: KernelValue;
    readonly reason: string;
  }[];
  /** Why the system does not do without it. */
  readonly requiredBecause?: string;
}

/** `symbol` with or without `CONFIG_`, in any case. */
export function explainSymbol(
  name: string,
  {
    wanted,
    required,
    values,
    folder,
  }: {
    readonly wanted: ReadonlyMap<string, WantedSymbol>;
    readonly required: readonly RequiredSymbol[];
    readonly values: ReadonlyMap<string, KernelValue>;
    /** Files are named relative to it. */
    readonly folder: string;
  },
): ExplainedSymbol {
  const symbol = name.toUpperCase().replace(/^CONFIG_/, '');
  const demand = required.find((each) => each.symbol === symbol);
  return {
    symbol,
    value: values.get(symbol) ?? 'n',
    settings: (wanted.get(symbol)?.settings ?? []).map(({ fragment, place, value, reason }) => ({
      fragment,
      file: relative(folder, place.file),
      line: place.line ?? 1,
      value,
      reason,
    })),
    ...(demand === undefined ? {} : { requiredBecause: demand.reason }),
  };
}

export function renderExplainedSymbol({ symbol, value, settings, requiredBecause }: ExplainedSymbol): string {
  const lines = settings.map(
    ({ fragment, file, line, value: wantedValue, reason }) =>
      `  ${fragment} sets it to ${wantedValue} (${file}:${line}): ${reason}`,
  );
  const none =
    value === 'n'
      ? '  no fragment asks for it, and nothing that they ask for selects it'
      : '  no fragment asks for it: another symbol selects it, or it is Kconfig’s own default';
  return [
    `CONFIG_${symbol}=${value}`,
    ...(lines.length === 0 ? [none] : lines),
    ...(requiredBecause === undefined ? [] : [`  the system needs it: ${requiredBecause}`]),
  ].join('\n');
}
