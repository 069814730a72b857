/**
 * What `depmod` says of a kernel's modules, https://man7.org/linux/man-pages/man5/modules.dep.5.html. Names are
 * normalised: the kernel treats `-` and `_` alike.
 */
export interface ModuleIndex {
  /** Path below `/usr/lib/modules/<release>` by name. */
  readonly paths: ReadonlyMap<string, string>;
  /** Names that must be inserted before, in order. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  /** Names or aliases that should be there before (`pre`) or after (`post`). */
  readonly softDependencies: ReadonlyMap<
    string,
    { readonly pre: readonly string[]; readonly post: readonly string[] }
  >;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly builtIn: ReadonlySet<string>;
}

export interface IndexFiles {
  readonly dep: string;
  readonly softdep: string;
  readonly alias: string;
  readonly builtin: string;
}

export function moduleName(pathOrName: string): string {
  const base = pathOrName.slice(pathOrName.lastIndexOf('/') + 1);
  return base.replace(/\.ko(\.(xz|zst|gz))?$/, '').replaceAll('-', '_');
}

export function parseModuleIndex(files: IndexFiles): ModuleIndex {
  const paths = new Map<string, string>();
  const dependencies = new Map<string, readonly string[]>();
  for (const line of lines(files.dep)) {
    const [path = '', rest = ''] = line.split(':', 2);
    paths.set(moduleName(path), path);
    // depmod writes the last to be inserted first.
    dependencies.set(moduleName(path), words(rest).map(moduleName).reverse());
  }
  const softDependencies = new Map<string, { pre: string[]; post: string[] }>();
  for (const line of lines(files.softdep)) {
    const [, name = '', ...rest] = words(line);
    const entry = softDependencies.get(moduleName(name)) ?? { pre: [], post: [] };
    // Without `pre:` or `post:` the words count as `pre`, as modprobe.d(5) has it for modules' own soft dependencies.
    let list = entry.pre;
    for (const word of rest) {
      if (word === 'pre:') list = entry.pre;
      else if (word === 'post:') list = entry.post;
      else list.push(word);
    }
    softDependencies.set(moduleName(name), entry);
  }
  const aliases = new Map<string, string[]>();
  for (const line of lines(files.alias)) {
    const [, alias = '', name = ''] = words(line);
    aliases.set(alias, [...(aliases.get(alias) ?? []), moduleName(name)]);
  }
  return {
    paths,
    dependencies,
    softDependencies,
    aliases,
    builtIn: new Set(lines(files.builtin).map(moduleName)),
  };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
