import { describe, expect, test } from '@jest/globals';
import type { LockedPackage, OpenedPackage } from '../debian/package.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { TreeNode } from '../rootfs/tree.ts';
import { demoRecipe } from '../testing/demo-recipe.ts';
import { sha256Of } from '../testing/make-deb.ts';
import { type LockGroup, lockGroups } from './lock-groups.ts';
import { mayBeSelected, selectPackages } from './select-packages.ts';

const place = { file: 'layer.yaml' };

/** A package with these files; contents are text, so nothing needs a library. */
function opened(name: string, paths: readonly string[]): OpenedPackage {
  const node = (path: string): TreeNode => ({
    type: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    origin: `package ${name}`,
    content: { sha256: sha256Of(path), sizeBytes: path.length, read: async () => Buffer.from(path) },
  });
  return {
    locked: { name } as LockedPackage,
    control: {},
    file: bytesOf(name),
    entries: new Map(paths.map((path) => [path, node(path)])),
  };
}

function group(name: string, files: readonly string[], packages: readonly string[]): LockGroup {
  const requests = files.map((path) => ({ kind: 'package', path, place }) as const);
  const [base] = lockGroups(
    demoRecipe('/r', {
      layers: [
        {
          name: 'base',
          description: '',
          folder: '/l',
          accounts: [],
          packages: packages.map((one) => ({ name: one })),
          files: requests,
        },
      ],
    }),
  );
  return { ...(base as LockGroup), name };
}

const names = (packages: readonly LockedPackage[]) => packages.map(({ name }) => name);

describe('selectPackages', () => {
  test('keeps what gives files and what was asked for by name', async () => {
    const selected = await selectPackages(group('base', ['/usr/share/frob/data'], ['frob', 'boot-loader']), [
      opened('boot-loader', ['/usr/lib/boot/loader.efi']),
      opened('frob', ['/usr/share/doc/frob/copyright']),
      opened('frob-data', ['/usr/share/frob/data']),
      opened('perl-base', ['/usr/bin/perl']),
    ]);
    expect(names(selected)).toEqual(['boot-loader', 'frob', 'frob-data']);
  });

  test('keeps all of a service that installs its packages by itself', async () => {
    const whole = { ...group('service/debian', [], ['apt']), isWhole: true };
    const packages = [opened('apt', ['/usr/bin/apt']), opened('perl-base', ['/usr/bin/perl'])];
    expect(names(await selectPackages(whole, packages))).toEqual(['apt', 'perl-base']);
  });

  test('says which file no package has', async () => {
    const files = ['/usr/share/frob/dta'];
    await expect(
      selectPackages(group('base', files, ['frob']), [opened('frob', ['/usr/share/frob/data'])]),
    ).rejects.toMatchObject({ faults: [{ code: 'FILE_NOT_IN_PACKAGE', place }] });
  });

  test('keeps of the kernel what has the image or modules', async () => {
    const selected = await selectPackages(group('kernel', [], []), [
      opened('linux-image-cloud-amd64', ['/usr/share/doc/x']),
      opened('linux-image-6.12-cloud-amd64', ['/boot/vmlinuz-6.12-cloud-amd64']),
      opened('linux-modules-6.12', ['/usr/lib/modules/6.12/kernel/x.ko.xz']),
    ]);
    expect(names(selected)).toEqual(['linux-image-6.12-cloud-amd64', 'linux-modules-6.12']);
  });

  test('does not fetch what only maintainer scripts of the kernel need', () => {
    const kernel = group('kernel', [], []);
    expect(mayBeSelected(kernel, { name: 'initramfs-tools' } as LockedPackage)).toBe(false);
    expect(mayBeSelected(kernel, { name: 'linux-image-6.12-cloud-amd64' } as LockedPackage)).toBe(true);
    expect(mayBeSelected(group('base', [], []), { name: 'libc6' } as LockedPackage)).toBe(true);
  });
});
