import { posix } from 'node:path';
import { machineLayout } from '../contract/machine-layout.ts';
import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import type { PackageSet } from '../debian/package-set.ts';
import { FaultList } from '../errors/fault-list.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { OciBundle } from '../services/oci-bundle.ts';
import { canonicalJson } from '../store/canonical-json.ts';
import type { Workshop } from '../tools/workshop.ts';
import { bytesOf, bytesOfFile } from './byte-source.ts';
import type { ComposedRootfs } from './composed-rootfs.ts';
import { makeEngineFile } from './engine-file.ts';
import { measureParts, type TreePart } from './measure-parts.ts';
import { makeOsRelease } from './os-release.ts';
import { makeStatusStanza } from './package-status.ts';
import { makeProgramBundler } from './program-bundler.ts';
import { sliceBase } from './slice-recipe.ts';
import type { ByteSource, Tree, TreeNode } from './tree.ts';
import { TreeDraft } from './tree-draft.ts';
import type { TrustFiles } from './trust-files.ts';

/** What the root gets beside packages, services and the recipe's own files. */
export interface GivenFiles {
  readonly trust?: TrustFiles | undefined;
  /** Path on the EFI system partition, and that of its bytes. */
  readonly bootFiles?: readonly { readonly path: string; readonly source: string }[];
}

/**
 * The machine's whole root as data: base layers and the recipe's files, kernel modules, services, and the files that say what
 * all this is. Throws PATH_CONFLICT when two parts want different things at one path.
 */
export async function composeRootfs(
  workshop: Workshop,
  recipe: Recipe,
  packages: PackageSet,
  kernel: Kernel,
  bundles: readonly OciBundle[],
  { trust = new Map(), bootFiles = [] }: GivenFiles = {},
): Promise<ComposedRootfs> {
  const base = await sliceBase(recipe, packages.group('base'), makeProgramBundler(workshop));
  const givers: readonly (readonly [group: string, packages: readonly LockedPackage[]])[] = [
    ['base', base.packages],
    ['kernel', packagesOfTree(kernel.rootModules, packages.group('kernel'))],
    ...bundles.map((bundle) => [`service/${bundle.service.name}`, bundle.packages] as const),
  ];
  const builtAt = Math.floor(Date.parse(packages.archiveDate) / 1000);
  const parts: readonly TreePart[] = [
    { name: 'base', tree: base.tree },
    { name: 'kernel modules', tree: kernel.rootModules },
    ...bundles.map((bundle) => ({ name: `service ${bundle.service.name}`, tree: placeBundle(bundle) })),
    { name: 'descriptions', tree: describe(recipe, builtAt, packages, givers, bundles) },
    ...(trust.size === 0 ? [] : [{ name: 'trust', tree: placeTrust(trust) }]),
    ...(bootFiles.length === 0 ? [] : [{ name: 'boot files', tree: await placeBootFiles(bootFiles) }]),
  ];
  return {
    tree: mergeParts(parts),
    bundles,
    packages: eachOnce(givers.flatMap(([, given]) => given)),
    sizes: measureParts(parts),
  };
}

/** A bundle where the machine looks for it, with its stanza for the init. */
function placeBundle({ service, config, root, stanza, policy }: OciBundle): Tree {
  const folder = `${machineLayout.services}/${service.name}`;
  const origin = `service ${service.name}`;
  return new Map([
    ...[...root].map(
      ([path, node]) => [path === '/' ? `${folder}/rootfs` : `${folder}/rootfs${path}`, node] as const,
    ),
    [`${folder}/config.json`, textFile(canonicalJson(config), origin)],
    [`/etc/finit.d/${service.name}.conf`, textFile(stanza, origin)],
    ...(policy === undefined ? [] : ([[`${folder}/apparmor`, fileOf(policy, origin)]] as const)),
    ...service.commands.map((path): [string, TreeNode] => [
      `${machineLayout.commands}/${posix.basename(path)}`,
      linkTo(`../services/${service.name}/rootfs${path}`, origin),
    ]),
    ...(service.modules.length === 0
      ? []
      : ([
          [
            `/etc/modules-load.d/${service.name}.conf`,
            textFile(service.modules.map((name) => `${name}\n`).join(''), origin),
          ],
        ] as const)),
  ]);
}

function placeTrust(trust: TrustFiles): Tree {
  return new Map(
    [...trust].map(([name, text]) => [`${machineLayout.trust}/${name}`, textFile(text, 'keys')]),
  );
}

async function placeBootFiles(files: NonNullable<GivenFiles['bootFiles']>): Promise<Tree> {
  const nodes = files.map(async ({ path, source }): Promise<readonly [string, TreeNode]> => {
    const content = await bytesOfFile(source);
    return [
      `${machineLayout.bootFiles}/${path}`,
      { type: 'file', content, mode: 0o644, uid: 0, gid: 0, origin: 'builder' },
    ];
  });
  return new Map(await Promise.all(nodes));
}

/** What programs on the machine, people and scanners read to know what this machine is. */
function describe(
  recipe: Recipe,
  builtAt: number,
  packages: PackageSet,
  givers: readonly (readonly [group: string, packages: readonly LockedPackage[]])[],
  bundles: readonly OciBundle[],
): Tree {
  const origin = 'builder';
  const nodes = new Map<string, TreeNode>([
    [
      machineLayout.engineFile,
      textFile(canonicalJson({ ...makeEngineFile(recipe, builtAt, bundles) }), origin),
    ],
    [machineLayout.osRelease, textFile(makeOsRelease(recipe), origin)],
    ['/etc/os-release', linkTo('../usr/lib/os-release', origin)],
  ]);
  for (const [group, given] of givers) {
    const names = new Set(given.map(({ name }) => name));
    // A service of an image has no group.
    for (const opened of given.length === 0 ? [] : packages.group(group)) {
      const { name, version } = opened.locked;
      if (!names.has(name)) continue;
      const stanza = textFile(makeStatusStanza(opened), origin);
      const path = `/var/lib/dpkg/status.d/${name}`;
      const present = nodes.get(path);
      // Two services may have one package from two suites: a scanner reads every file of the folder.
      const isOther =
        present?.type === 'file' &&
        stanza.type === 'file' &&
        present.content.sha256 !== stanza.content.sha256;
      nodes.set(isOther ? `${path}_${version}` : path, stanza);
    }
  }
  return nodes;
}

function mergeParts(parts: readonly TreePart[]): Tree {
  const faults = new FaultList();
  const draft = new TreeDraft();
  draft.put('/', { type: 'folder', mode: 0o755, uid: 0, gid: 0, origin: 'builder' }, 'implied');
  for (const { tree } of parts) {
    for (const [path, node] of tree) faults.catch(() => draft.put(path, node, 'asked'));
  }
  faults.throwIfAny();
  return draft.finish();
}

function packagesOfTree(tree: Tree, packages: readonly OpenedPackage[]): readonly LockedPackage[] {
  const origins = new Set([...tree.values()].map(({ origin }) => origin));
  return packages.map(({ locked }) => locked).filter(({ name }) => origins.has(`package ${name}`));
}

/** Sorted by name, then version. */
function eachOnce(packages: readonly LockedPackage[]): readonly LockedPackage[] {
  const byKey = new Map(packages.map((each) => [`${each.name} ${each.version} ${each.architecture}`, each]));
  return [...byKey.keys()].sort().map((key) => byKey.get(key) as LockedPackage);
}

function linkTo(target: string, origin: string): TreeNode {
  return { type: 'link', target, mode: 0o777, uid: 0, gid: 0, origin };
}

function textFile(text: string, origin: string): TreeNode {
  return fileOf(bytesOf(text), origin);
}

function fileOf(content: ByteSource, origin: string): TreeNode {
  return { type: 'file', content, mode: 0o644, uid: 0, gid: 0, origin };
}
