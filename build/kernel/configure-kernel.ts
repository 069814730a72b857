import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultList } from '../errors/fault-list.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { ToolsTree } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { findUnmet, reportUnmet, type SymbolDependency } from './check-configuration.ts';
import { formatWanted, type KernelValue, mergeFragments, parseConfiguration } from './kernel-fragment.ts';
import type { KernelSource } from './kernel-source.ts';
import { type KernelTarget, kernelTargets, makeCommand } from './kernel-tools.ts';
import { readRequiredSymbols } from './required-symbols.ts';
import { unpackKernelSource } from './unpack-kernel-source.ts';

export interface KernelConfiguration {
  /** The whole `.config`. */
  readonly path: string;
  readonly values: ReadonlyMap<string, KernelValue>;
}

/** All that Kconfig reads: what else is in the source is 30 times as much. */
const configurationMembers = [
  'Kconfig',
  '*/Kconfig*',
  'Makefile',
  'arch/*/Makefile',
  'arch/x86/Makefile_32.cpu',
  'include/uapi',
  'scripts',
  'tools/testing',
];

/**
 * The configuration that the recipe's fragments make: what they do not name is off unless something selects it, as
 * `make allnoconfig` with KCONFIG_ALLCONFIG has it (https://docs.kernel.org/kbuild/kconfig.html). Throws FaultsError when a symbol
 * did not hold, with who asked for it and what is in its way.
 */
export async function configureKernel(
  workshop: Workshop,
  recipe: Recipe,
  source: KernelSource,
): Promise<KernelConfiguration> {
  if (recipe.kernel.kind !== 'source') throw new Error('only a source can be configured');
  const { fragments, place } = recipe.kernel;
  const target = kernelTargets[recipe.architecture];
  const tools = await workshop.openTools(target.toolset);
  const wanted = mergeFragments(fragments);
  const required = await readRequiredSymbols(recipe.architecture);
  const wantedText = formatWanted(wanted);
  const step = await workshop.store.step(
    {
      title: 'configure kernel',
      moduleUrl: import.meta.url,
      inputs: { source: source.package.locked.sha256, target, wantedText, required, tools: tools.id },
    },
    async (folder) => {
      const tree = await unpackKernelSource(tools, source, join(folder, 'source'), configurationMembers);
      await writeFile(join(tree, 'wanted.config'), wantedText);
      await tools.run(
        makeCommand(target, tree, ['allnoconfig'], { KCONFIG_ALLCONFIG: join(tree, 'wanted.config') }),
      );
      const text = await readFile(join(tree, '.config'), 'utf8');
      const unmet = findUnmet(wanted, required, parseConfiguration(text));
      const dependencies = unmet.length === 0 ? {} : await askKconfig(tools, target, tree, unmet);
      await writeFile(join(folder, 'config'), text);
      await writeFile(join(folder, 'dependencies.json'), `${JSON.stringify(dependencies, null, 1)}\n`);
      await rm(join(folder, 'source'), { recursive: true });
    },
  );
  const path = join(step.folder, 'config');
  const values = parseConfiguration(await readFile(path, 'utf8'));
  const dependencies = JSON.parse(await readFile(join(step.folder, 'dependencies.json'), 'utf8')) as Record<
    string,
    SymbolDependency
  >;
  const faults = new FaultList();
  reportUnmet(
    { wanted, required, configuration: values, dependencies: new Map(Object.entries(dependencies)), place },
    faults,
  );
  faults.throwIfAny();
  return { path, values };
}

/** Kconfiglib evaluates the conditions of menus and blocks around a symbol too (https://github.com/ulfalizer/Kconfiglib). */
const askingScript = `
import json, sys, kconfiglib
kconf = kconfiglib.Kconfig('Kconfig', warn=False)
kconf.load_config('.config')
def found(name):
    sym = kconf.syms.get(name)
    if sym is None or not sym.nodes:
        return dict(isUnknown=True, dependsOn='', off=[], selectedBy=[])
    def show(item):
        text = kconfiglib.standard_sc_expr_str(item)
        is_symbol = isinstance(item, kconfiglib.Symbol) and item is not kconf.y
        return text + '(=n)' if is_symbol and item.tri_value == 0 else text
    items = kconfiglib.expr_items(sym.direct_dep)
    off = sorted({i.name for i in items if isinstance(i, kconfiglib.Symbol) and not i.is_constant and i.tri_value == 0})
    text = '' if sym.direct_dep is kconf.y else kconfiglib.expr_str(sym.direct_dep, show)
    selecting = kconfiglib.split_expr(sym.rev_dep, kconfiglib.OR) if sym.rev_dep is not kconf.n else []
    by = sorted({i.name for e in selecting if kconfiglib.expr_value(e) > 0 for i in kconfiglib.expr_items(e) if isinstance(i, kconfiglib.Symbol) and not i.is_constant and i.tri_value > 0})
    return dict(isUnknown=False, dependsOn=text[:400], off=off, selectedBy=by)
json.dump({name: found(name) for name in sys.argv[1:]}, sys.stdout)
`;

async function askKconfig(
  tools: ToolsTree,
  target: KernelTarget,
  tree: string,
  symbols: readonly string[],
): Promise<Readonly<Record<string, SymbolDependency>>> {
  const prefix = target.variables.find((each) => each.startsWith('CROSS_COMPILE='))?.slice(14) ?? '';
  const { stdout } = await tools.run({
    file: '/usr/bin/python3',
    arguments: ['-c', askingScript, ...symbols],
    workingFolder: tree,
    readOnly: [tree],
    environment: {
      srctree: tree,
      ARCH: target.variables[0]?.slice(5) ?? '',
      SRCARCH: target.sourceArchitecture,
      CC: `${prefix}gcc`,
      LD: `${prefix}ld`,
      HOSTCC: 'gcc',
      KERNELVERSION: 'source',
    },
  });
  return JSON.parse(stdout) as Record<string, SymbolDependency>;
}
