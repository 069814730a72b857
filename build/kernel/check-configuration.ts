import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { KernelValue, WantedSymbol } from './kernel-fragment.ts';

/** A symbol that the system does not do without: kernel-config/required.json. */
export interface RequiredSymbol {
  readonly symbol: string;
  readonly value: KernelValue;
  readonly reason: string;
}

/** What Kconfig says of a symbol that did not get its value. */
export interface SymbolDependency {
  /** No such symbol in this kernel. */
  readonly isUnknown: boolean;
  /** As Kconfig writes it, with the values of today: `BLOCK && MD(=n)`. */
  readonly dependsOn: string;
  /** Symbols of it that are off. */
  readonly off: readonly string[];
  /** Symbols that select this one and are on: it cannot be switched off. */
  readonly selectedBy: readonly string[];
}

/** Symbols whose value in the final configuration is not what a fragment, or the system, wants. */
export function findUnmet(
  wanted: ReadonlyMap<string, WantedSymbol>,
  required: readonly RequiredSymbol[],
  configuration: ReadonlyMap<string, KernelValue>,
): readonly string[] {
  const isUnmet = (symbol: string, value: KernelValue) => valueIn(configuration, symbol) !== value;
  return [
    ...[...wanted.values()].filter(({ symbol, value }) => isUnmet(symbol, value)),
    ...required.filter(({ symbol, value }) => isUnmet(symbol, value) && !wanted.has(symbol)),
  ].map(({ symbol }) => symbol);
}

export function valueIn(configuration: ReadonlyMap<string, KernelValue>, symbol: string): KernelValue {
  return configuration.get(symbol) ?? 'n';
}

/** Who asked for it, what it is instead, and why. Faults: KERNEL_SYMBOL_UNMET, KERNEL_SYMBOL_REQUIRED. */
export function reportUnmet(
  situation: {
    readonly wanted: ReadonlyMap<string, WantedSymbol>;
    readonly required: readonly RequiredSymbol[];
    readonly configuration: ReadonlyMap<string, KernelValue>;
    readonly dependencies: ReadonlyMap<string, SymbolDependency>;
    /** For what no fragment names. */
    readonly place: Place;
  },
  faults: FaultList,
): void {
  const { wanted, required, configuration, dependencies, place } = situation;
  for (const symbol of findUnmet(wanted, required, configuration)) {
    const asked = wanted.get(symbol);
    const demand = required.find((each) => each.symbol === symbol);
    const value = valueIn(configuration, symbol);
    const last = asked?.settings.at(-1);
    const why = explainUnmet(dependencies.get(symbol), wanted);
    if (asked !== undefined && last !== undefined) {
      faults.add({
        code: 'KERNEL_SYMBOL_UNMET',
        message: `Cannot have CONFIG_${symbol}=${asked.value}, which ${last.fragment} asks for: it is ${value}${why}`,
        place: last.place,
        hint: 'set what it depends on, in this fragment or one that the recipe names too; or remove the line',
      });
    }
    if (demand !== undefined && asked === undefined) {
      faults.add({
        code: 'KERNEL_SYMBOL_REQUIRED',
        message: `Cannot do without CONFIG_${symbol}=${demand.value}: ${demand.reason}. It is ${value}${why}`,
        place,
        hint: `name the fragment that sets it among the recipe's, or write CONFIG_${symbol}=${demand.value} into one`,
      });
    }
  }
  reportContradictions(situation, faults);
}

/** A fragment that wants the opposite of what the system needs, and has it. */
function reportContradictions(
  {
    wanted,
    required,
  }: { readonly wanted: ReadonlyMap<string, WantedSymbol>; readonly required: readonly RequiredSymbol[] },
  faults: FaultList,
): void {
  for (const { symbol, value, reason } of required) {
    const last = wanted.get(symbol)?.settings.at(-1);
    if (last === undefined || last.value === value) continue;
    faults.add({
      code: 'KERNEL_SYMBOL_REQUIRED',
      message: `Cannot do without CONFIG_${symbol}=${value}: ${reason}. ${last.fragment} sets it to ${last.value}`,
      place: last.place,
      hint: 'remove the line',
    });
  }
}

function explainUnmet(
  found: SymbolDependency | undefined,
  wanted: ReadonlyMap<string, WantedSymbol>,
): string {
  if (found === undefined) return '';
  if (found.isUnknown) return '; this kernel has no such symbol';
  const parts = [
    ...(found.dependsOn === '' ? [] : [`it depends on ${found.dependsOn}`]),
    ...found.off.map((symbol) => {
      const last = wanted.get(symbol)?.settings.at(-1);
      if (last === undefined) return `no fragment asks for ${symbol}`;
      return last.value === 'n'
        ? `${last.fragment} line ${last.place.line} switches ${symbol} off`
        : `${symbol} did not hold either`;
    }),
    ...(found.selectedBy.length === 0 ? [] : [`${found.selectedBy.join(', ')} switches it on`]),
  ];
  return parts.length === 0 ? '' : `; ${parts.join('; ')}`;
}
