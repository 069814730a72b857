import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Recipe } from '../recipe/recipe.ts';
import { bytesOf } from '../rootfs/byte-source.ts';
import type { ComposedRootfs } from '../rootfs/composed-rootfs.ts';
import type { StepSpec } from '../store/store.ts';
import type { ToolCommand } from '../tools/tools-tree.ts';
import type { Workshop } from '../tools/workshop.ts';
import { sealRootfs } from './seal-rootfs.ts';

const rootHash = 'ab'.repeat(32);
/** Version 8 and variant of RFC 9562: derived, never random. */
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seal-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('sealRootfs', () => {
  test('erofs from the tar, padded to whole blocks, the hash tree behind it', async () => {
    const commands: string[] = [];
    const sealed = await sealRootfs(
      workshop(commands, `Root hash:      \t${rootHash}\n`),
      recipe,
      composed('one'),
    );
    expect(
      commands.map((each) => each.replaceAll(folder, 'STEP').replaceAll(uuid, 'UUID')).join('\n'),
    ).toMatchInlineSnapshot(`
"/usr/bin/mkfs.erofs --tar=f --quiet -d0 -zzstd,level=6 -C65536 -b4096 -T315532800 -UUUID -Lroot STEP/root.erofs-verity
/usr/sbin/veritysetup format --format=1 --hash=sha256 --data-block-size=4096 --hash-block-size=4096 --salt=f55b6cff619aa7c8cdf7b46c546a93cebe61469c745532452013ba3539403677 --uuid=UUID --hash-offset=8192 STEP/root.erofs-verity STEP/root.erofs-verity"
`);
    expect(sealed).toMatchObject({ hashOffsetBytes: 8192, dataBlocks: 2, sizeBytes: 8192 + 4096, rootHash });
    expect((await readFile(sealed.path)).subarray(0, 5).toString()).toBe('erofs');
  });

  test('a recipe may have it smaller', async () => {
    const commands: string[] = [];
    const small = { ...recipe, disk: { ...recipe.disk, compression: 'lzma' } } as const;
    await sealRootfs(workshop(commands, `Root hash: ${rootHash}`), small, composed('one'));
    expect(commands[0]).toContain(' -zlzma,level=6 -C65536 ');
  });

  test('the step is named by the tree, not by who put what there', async () => {
    const names = await Promise.all(
      [composed('one'), composed('one', 'somebody else'), composed('two')].map(async (tree) => {
        const specs: StepSpec[] = [];
        await sealRootfs(workshop([], `Root hash: ${rootHash}`, specs), recipe, tree);
        return JSON.stringify(specs[0]?.inputs);
      }),
    );
    expect(names[1]).toBe(names[0]);
    expect(names[2]).not.toBe(names[0]);
  });

  test('no root hash, no sealed root', async () => {
    await expect(
      sealRootfs(workshop([], 'VERITY header information\n'), recipe, composed('one')),
    ).rejects.toThrow(
      'Cannot seal the root: veritysetup said nothing of a root hash but "VERITY header information"',
    );
  });
});

const recipe = { name: 'minimal', disk: { compression: 'zstd' } } as Recipe;

function composed(text: string, origin = 'test'): ComposedRootfs {
  const node = { type: 'file', content: bytesOf(text), mode: 0o644, uid: 0, gid: 0, origin } as const;
  return { tree: new Map([['/x', node]]), bundles: [], packages: [], sizes: [] };
}

/** Tools that write what real ones would in size, and remember how they were called. */
function workshop(commands: string[], veritysetupSays: string, specs: StepSpec[] = []): Workshop {
  const run = async (command: ToolCommand, options: { readonly input?: Readable } = {}) => {
    commands.push([command.file, ...command.arguments].join(' '));
    const path = command.arguments.at(-1) as string;
    if (options.input !== undefined) {
      await buffer(options.input);
      await writeFile(path, 'erofs'.padEnd(5000));
    } else {
      await writeFile(path, 'tree'.padEnd(4096), { flag: 'a' });
    }
    return { exitCode: 0, stdout: options.input === undefined ? veritysetupSays : '', stderr: '' };
  };
  return {
    openTools: async () => ({ id: 'tools-1', run }),
    store: {
      step: async (spec: StepSpec, produce: (folder: string) => Promise<void>) => {
        specs.push(spec);
        await produce(folder);
        return { id: '0', folder, isCached: false };
      },
    },
  } as unknown as Workshop;
}
