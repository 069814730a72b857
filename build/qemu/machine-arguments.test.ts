import { describe, expect, test } from '@jest/globals';
import { diskBuses, type MachineSpec, machineArguments } from './machine-arguments.ts';

const spec: MachineSpec = {
  architecture: 'x86-64',
  memoryMiB: 512,
  cpus: 2,
  diskPath: '/m/disk.qcow2',
  diskFormat: 'qcow2',
  diskBus: 'virtio-blk',
  variablesPath: '/m/variables.fd',
  qmpSocketPath: '/s/control',
  serialLogPath: '/m/serial.log',
  hasTerminal: false,
  guestPorts: [22, 80],
};

/** Values of an option, in order. */
const valuesOf = (argv: readonly string[], option: string): string[] =>
  argv.flatMap((word, index) => (word === option ? [argv[index + 1] ?? ''] : []));

describe('the command line of QEMU', () => {
  test('whole', () => {
    expect(machineArguments(spec).join(' ')).toBe(
      [
        '-nodefaults -no-user-config -display none',
        '-machine q35,pflash0=firmware-code,pflash1=firmware-variables',
        '-accel tcg,thread=multi -cpu Nehalem,+sha-ni,+arat,model=54 -smp 2 -m 512',
        '-blockdev {"node-name":"firmware-code","driver":"raw","read-only":true,"file":{"driver":"file","filename":"/usr/share/OVMF/OVMF_CODE_4M.fd","read-only":true}}',
        '-blockdev {"node-name":"firmware-variables","driver":"raw","read-only":false,"discard":"unmap","file":{"driver":"file","filename":"/m/variables.fd","read-only":false,"discard":"unmap"}}',
        '-blockdev {"node-name":"disk","driver":"qcow2","read-only":false,"discard":"unmap","file":{"driver":"file","filename":"/m/disk.qcow2","read-only":false,"discard":"unmap"}}',
        '-device virtio-blk-pci,drive=disk,bootindex=1',
        '-netdev user,id=net,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:80',
        '-device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci',
        '-device i6300esb -action watchdog=reset',
        '-chardev file,id=serial,path=/m/serial.log -serial chardev:serial',
        '-chardev socket,id=control,path=/s/control -mon chardev=control,mode=control',
      ].join(' '),
    );
  });

  test.each([
    ['virtio-blk', ['virtio-blk-pci,drive=disk,bootindex=1']],
    ['virtio-scsi', ['virtio-scsi-pci,id=scsi', 'scsi-hd,bus=scsi.0,drive=disk,bootindex=1']],
    ['nvme', ['nvme,drive=disk,serial=keelson,bootindex=1']],
    ['ahci', ['ide-hd,bus=ide.0,drive=disk,bootindex=1']],
  ] as const)('a disk on %s', (diskBus, devices) => {
    expect(diskBuses).toContain(diskBus);
    expect(valuesOf(machineArguments({ ...spec, diskBus }), '-device').slice(0, devices.length)).toEqual(
      devices,
    );
  });

  test('an arm64 machine has another board, processor and firmware', () => {
    const argv = machineArguments({ ...spec, architecture: 'arm64' });
    expect(valuesOf(argv, '-machine')).toEqual(['virt,pflash0=firmware-code,pflash1=firmware-variables']);
    expect(valuesOf(argv, '-cpu')).toEqual(['cortex-a72']);
    expect(JSON.parse(valuesOf(argv, '-blockdev')[0] ?? '')).toMatchObject({
      'node-name': 'firmware-code',
      file: { filename: '/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd' },
    });
  });

  test('with Secure Boot: firmware that checks, and variables that only it may write', () => {
    const argv = machineArguments({ ...spec, hasSecureBoot: true });
    expect(valuesOf(argv, '-machine')).toEqual([
      'q35,smm=on,pflash0=firmware-code,pflash1=firmware-variables',
    ]);
    expect(valuesOf(argv, '-global')).toEqual(['driver=cfi.pflash01,property=secure,value=on']);
    expect(valuesOf(argv, '-blockdev')[0]).toContain('/usr/share/OVMF/OVMF_CODE_4M.secboot.fd');
  });

  test('a cable is a second network card', () => {
    const cable = { socketPath: '/c/one', peerSocketPath: '/c/two', address: '52:54:00:00:00:01' };
    const argv = machineArguments({ ...spec, cable });
    expect(JSON.parse(valuesOf(argv, '-netdev')[1] ?? '')).toEqual({
      type: 'dgram',
      id: 'cable',
      local: { type: 'unix', path: '/c/one' },
      remote: { type: 'unix', path: '/c/two' },
    });
    expect(valuesOf(argv, '-device')).toContain('virtio-net-pci,netdev=cable,romfile=,mac=52:54:00:00:00:01');
  });

  test('a seed is a second disk that cannot be written', () => {
    const argv = machineArguments({ ...spec, seedPath: '/m/seed,1.img' });
    const seed = JSON.parse(valuesOf(argv, '-blockdev').at(-1) ?? '');
    expect(seed).toMatchObject({
      'node-name': 'seed',
      'read-only': true,
      file: { filename: '/m/seed,1.img' },
    });
    expect(valuesOf(argv, '-device')).toContain('virtio-blk-pci,drive=seed');
  });

  test('a machine that reaches nothing can still be reached', () => {
    expect(valuesOf(machineArguments({ ...spec, isIsolated: true }), '-netdev')).toEqual([
      'user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:80',
    ]);
  });

  test('the terminal gets the serial line, and the log too', () => {
    const argv = machineArguments({ ...spec, hasTerminal: true, serialLogPath: '/a,b/serial.log' });
    expect(valuesOf(argv, '-chardev')[0]).toBe('stdio,id=serial,mux=on,signal=off,logfile=/a,,b/serial.log');
    expect(valuesOf(argv, '-mon')).toEqual(['chardev=serial', 'chardev=control,mode=control']);
  });
});
