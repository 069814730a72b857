import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { readFat } from '../build/boot/read-fat.ts';
import { espLayout } from '../build/contract/machine-layout.ts';
import type { BootRepair } from '../rootfs/programs/shared/boot-repair.ts';
import { loaderVersion, waitForRepair, withMajorVersion } from './support/boot-files.ts';
import { changeEsp, readEsp, readEspFile } from './support/edit-esp.ts';
import { readEspStates } from './support/esp-states.ts';
import { partitionOf } from './support/partitions.ts';
import { promise, remark, step } from './support/step.ts';
import { makeTestMachine, type TestMachine } from './support/test-machine.ts';
import { artefactOf } from './support/test-workshop.ts';

promise('a machine mends what it boots from, and updates its boot loader', () => {
  const loader = espLayout.bootLoader['x86-64'];
  let machine: TestMachine;
  let built: Buffer;
  let version: string;
  let older: string;
  let damaged: Buffer;

  step('minimal is built', async () => {
    machine = await makeTestMachine({ test: 'boot-files', hasWriteLog: true });
    built = await readEsp(artefactOf(machine.build, 'disk', 'raw').path);
    version = loaderVersion(readEspFile(built, loader));
    older = version.replace(/^[0-9]+/, '256');
  });

  step(
    'an older boot loader starts a kernel with a wrong bit; settings are lost, an addon cut short',
    async () => {
      const kernel = readEspFile(built, espLayout.kernel.a);
      const addon = readEspFile(built, espLayout.addon.b);
      damaged = await changeEsp(machine, {
        [loader]: withMajorVersion(readEspFile(built, loader), '256'),
        [espLayout.kernel.a]: withWrongBit(kernel),
        [espLayout.loaderConf]: undefined,
        [espLayout.addon.b]: addon.subarray(0, 700),
        'EFI/Linux/junk.efi': Buffer.from('nobody asked for it'),
      });
      await machine.boot();
      expect(await runningLoader()).toBe(older);
    },
  );

  step('the machine finds all of it and mends it', async () => {
    const { done, faults } = await waitForRepair(machine);
    expect(faults).toEqual([]);
    expect([...done].sort()).toEqual([
      `${espLayout.addon.b} differed from that of this version and was replaced`,
      'junk.efi in EFI/Linux was removed',
      `${espLayout.loaderConf} was missing and is there again`,
      `the boot loader was updated from systemd-boot ${older} to ${version}`,
      'the kernel of slot a was written again from its slot',
    ]);
    await expectAsBuilt();
    expect(await machine.serialLog()).toContain('boot files: the kernel of slot a was written again');
    expect(await machine.guest.run('keelctl update status')).toContain(
      'boot     the boot loader was updated',
    );
  });

  step(
    'wherever the power had gone away, boot loader and kernel were whole: the old ones or the new ones',
    async () => {
      await machine.cutPower();
      const either = (path: string) => [damaged, built].map((esp) => digest(readEspFile(esp, path)));
      const { offsetBytes } = await partitionOf(artefactOf(machine.build, 'disk', 'raw').path, 'esp');
      const { states, faults } = readEspStates({
        before: damaged,
        offsetBytes,
        writeLogPath: machine.writeLogPath,
        allowed: { [loader]: either(loader), [espLayout.kernel.a]: either(espLayout.kernel.a) },
        mostPerWindow: 30,
      });
      expect(faults).toEqual([]);
      expect(states).toBeGreaterThan(100);
      remark(`${states} states read`);
    },
  );

  step('it starts with the new boot loader, and finds nothing more to do', async () => {
    await machine.boot();
    expect(await runningLoader()).toBe(version);
    expect(await waitForRepair(machine)).toEqual({ format: 1, done: [], faults: [] });
  });

  step('files that are lost or cut short while it runs are mended at the next look', async () => {
    await onEsp(
      [
        `rm ${loader} ${espLayout.addon.a}`,
        `truncate -s 5000000 ${espLayout.kernel.a}`,
        `printf x > EFI/Linux/a.tmp`,
      ].join(' && '),
    );
    const { done, faults } = await lookAgain();
    expect(faults).toEqual([]);
    expect([...done].sort()).toEqual([
      `${loader} was missing and is there again`,
      `${espLayout.addon.a} was missing and is there again`,
      'the kernel of slot a was written again from its slot',
    ]);
    await expectAsBuilt();
  });

  step('an EFI system partition that is overwritten is made anew, and starts the machine', async () => {
    await machine.guest.run('dd if=/dev/zero of=/dev/vda1 bs=1M count=8 conv=fsync');
    const { done, faults } = await lookAgain();
    expect(faults).toEqual([]);
    expect(done[0]).toContain('the EFI system partition was made anew (cannot mount /dev/vda1');
    await expectAsBuilt();
    await machine.cutPower();
    await machine.boot();
    expect(await runningLoader()).toBe(version);
    expect(await waitForRepair(machine)).toEqual({ format: 1, done: [], faults: [] });
    await machine.cutPower();
  });

  step(
    'names that share one file after a power cut are parted, without a moment that has no boot loader',
    async () => {
      const small = Buffer.from('in its place');
      await changeEsp(
        machine,
        { 'EFI/BOOT/BOOTX64.1': small, 'EFI/BOOT/BOOTX64.2': small, 'EFI/Linux/a.tmp': small },
        (esp) => {
          shareClusters(esp, loader, 'BOOTX64 1  ');
          shareClusters(esp, espLayout.kernel.a, 'A       TMP');
        },
      );
      await machine.boot();
      const { done, faults } = await waitForRepair(machine);
      expect([done, faults]).toEqual([[`leftovers beside ${loader} were removed`], []]);
      await expectAsBuilt(['a.tmp']);
      await machine.cutPower();
      await machine.boot();
      expect(await runningLoader()).toBe(version);
      await machine.cutPower();
    },
  );

  step('a boot loader that is newer than that of the version which runs stays', async () => {
    const newer = withMajorVersion(readEspFile(built, loader), '999');
    await changeEsp(machine, { [loader]: newer });
    await machine.boot();
    expect(await runningLoader()).toBe(version.replace(/^[0-9]+/, '999'));
    expect(await waitForRepair(machine)).toEqual({ format: 1, done: [], faults: [] });
    expect(await digestOnEsp(loader)).toBe(digest(newer));
  });

  /** What the boot loader says of itself to what it starts: UTF-16 after four bytes of attributes. */
  async function runningLoader(): Promise<string> {
    const name = 'LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';
    const hex = await machine.guest.run(
      `mkdir -p /tmp/efivars && mount -t efivarfs efivarfs /tmp/efivars && xxd -p /tmp/efivars/${name} | tr -d '\\n' && umount /tmp/efivars`,
    );
    const text = Buffer.from(hex, 'hex').subarray(4).toString('utf16le');
    return /^systemd-boot ([^\0]+)/.exec(text)?.[1] ?? text;
  }

  async function lookAgain(): Promise<BootRepair> {
    await machine.guest.run(
      'rm /run/keelson/boot-repair.json && busybox nsenter -t 1 -m /usr/lib/keelson/boot-backend repair',
    );
    return waitForRepair(machine);
  }

  function onEsp(commands: string): Promise<string> {
    return machine.guest.run(
      `mkdir -p /tmp/esp && mount -t vfat /dev/vda1 /tmp/esp && cd /tmp/esp && ${commands} && cd / && umount /tmp/esp`,
    );
  }

  async function digestOnEsp(path: string): Promise<string> {
    return (await onEsp(`sha256sum ${path}`)).split(' ')[0] ?? '';
  }

  async function expectAsBuilt(more: readonly string[] = []): Promise<void> {
    const read = (offset: number, size: number) => built.subarray(offset, offset + size);
    const files = readFat(read).filter(({ isFolder }) => !isFolder);
    const expected = files.map(({ path }) => `${digest(readEspFile(built, path))}  ./${path}`);
    const listed = (await onEsp('find . -type f | xargs sha256sum')).split('\n');
    const found = listed.filter((line) => !more.some((name) => line.endsWith(`/${name}`)));
    expect(found.sort()).toEqual(expected.sort());
  }
});

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** In the padding behind the last section, so that it starts all the same. */
function withWrongBit(kernel: Buffer): Buffer {
  const changed = Buffer.from(kernel);
  expect(changed.at(-1)).toBe(0);
  changed[changed.length - 1] = 1;
  return changed;
}

/** A short entry's cluster and size become those of the file; what an exchange leaves that was cut off after its first half. */
function shareClusters(esp: Buffer, path: string, shortName: string): void {
  const read = (offset: number, size: number) => esp.subarray(offset, offset + size);
  const file = readFat(read).find((each) => each.path === path);
  const at = esp.indexOf(Buffer.from(shortName, 'latin1'));
  if (file === undefined || at < 0) throw new Error(`there is no ${path}, or no ${shortName}`);
  esp.writeUInt16LE(file.firstCluster >>> 16, at + 20);
  esp.writeUInt16LE(file.firstCluster & 0xffff, at + 26);
  esp.writeUInt32LE(file.sizeBytes, at + 28);
}
