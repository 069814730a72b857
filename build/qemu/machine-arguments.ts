import type { Architecture } from '../recipe/recipe.ts';
import type { ToolsetName } from '../tools/tools-tree.ts';

/** What QEMU plays for an architecture. Paths are inside the tools tree. */
interface MachineModel {
  readonly toolset: ToolsetName;
  readonly program: string;
  readonly board: string;
  /** A watchdog that the kernel has a driver for. */
  readonly watchdog: string | undefined;
  readonly processor: string;
  readonly firmware: {
    readonly code: string;
    readonly secureBootCode: string | undefined;
    readonly variables: string;
  };
}

/**
 * Processors that TCG emulates quickly. `Nehalem`: a boot takes an eighth less of the computer's processor than with `max`. As model
 * 54 it is an Atom that does not speculate (arch/x86/kernel/cpu/common.c of Linux, NO_SPECULATION): the kernel leaves out what
 * it does against Meltdown and Spectre, which no emulated processor needs, and which empties TCG's memory of addresses at
 * each system call. A boot takes 25 s instead of 39 s then. With instructions for SHA-256 an update takes a tenth less.
 * A timer of the processor's that never stops (`arat`, as every processor of today has it): without it Linux relies on the emulated
 * HPET to wake idle processors, and one machine in a thousand hung there in the first second of its kernel.
 * `cortex-a72`: a boot takes 18 s against 22 s; it has instructions for SHA-256.
 */
export const machineModels = {
  'x86-64': {
    toolset: 'machine',
    program: '/usr/bin/qemu-system-x86_64',
    board: 'q35',
    watchdog: 'i6300esb',
    processor: 'Nehalem,+sha-ni,+arat,model=54',
    firmware: {
      code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      secureBootCode: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
      variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
    },
  },
  arm64: {
    toolset: 'machine-arm64',
    program: '/usr/bin/qemu-system-aarch64',
    board: 'virt',
    watchdog: undefined,
    processor: 'cortex-a72',
    firmware: {
      code: '/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd',
      secureBootCode: undefined,
      variables: '/usr/share/AAVMF/AAVMF_VARS.fd',
    },
  },
} as const satisfies Record<Architecture, MachineModel>;

/** How the disk is attached: the controllers that machines in the field have. */
const diskBusArguments = {
  'virtio-blk': ['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
  'virtio-scsi': [
    '-device',
    'virtio-scsi-pci,id=scsi',
    '-device',
    'scsi-hd,bus=scsi.0,drive=disk,bootindex=1',
  ],
  nvme: ['-device', 'nvme,drive=disk,serial=keelson,bootindex=1'],
  // Port 0 of the AHCI controller that q35 has built in; the firmware of arm64's board has no driver for any.
  ahci: ['-device', 'ide-hd,bus=ide.0,drive=disk,bootindex=1'],
} as const satisfies Record<string, readonly string[]>;

export type DiskBus = keyof typeof diskBusArguments;

export const diskBuses = Object.keys(diskBusArguments) as readonly DiskBus[];

/** A cable to one other machine on this computer: QEMU passes frames between two Unix sockets. */
export interface Cable {
  readonly socketPath: string;
  /** The other machine's `socketPath`; what is sent before it has power is lost, as on a cable. */
  readonly peerSocketPath: string;
  /** Ethernet address of this end, such as `52:54:00:00:00:01`. */
  readonly address: string;
}

/** All that QEMU must know; paths are absolute. */
export interface MachineSpec {
  readonly architecture: Architecture;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly diskPath: string;
  readonly diskFormat: 'qcow2' | 'raw';
  readonly diskBus: DiskBus;
  /** This machine's own copy of the firmware's variables. */
  readonly variablesPath: string;
  /** NoCloud seed, a raw FAT or ISO 9660 image. */
  readonly seedPath?: string;
  /** A raw disk that is plugged in, read-only. */
  readonly mediumPath?: string;
  /** Listened on by us: QEMU connects to it when it starts, so nobody has to wait for it to appear. */
  readonly qmpSocketPath: string;
  /** The serial line is always written here. */
  readonly serialLogPath: string;
  /** The serial line is on the terminal too; Ctrl-A X leaves. */
  readonly hasTerminal: boolean;
  /** TCP ports of the guest that get a free port of 127.0.0.1 each. */
  readonly guestPorts: readonly number[];
  /** The machine reaches nothing; it is still reached at `guestPorts`. */
  readonly isIsolated?: boolean;
  /** A second network card. */
  readonly cable?: Cable;
  /** Firmware that checks signatures, in setup mode until keys are enrolled; slower. */
  readonly hasSecureBoot?: boolean;
  /** An existing file: every write to the disk and every flush is put down there, as dm-log-writes does it. */
  readonly writeLogPath?: string;
  /** A machine that was saved goes on; its disk must be as it was then. */
  readonly savedStatePath?: string;
}

/**
 * The arguments of `qemu-system-*` (https://www.qemu.org/docs/master/system/invocation.html).
 *
 * Always TCG: a computer's /dev/kvm may exist and still not run a stock kernel, and the only probe worth
 * trusting would boot a guest, which takes as long as it could save.
 */
export function machineArguments(spec: MachineSpec): string[] {
  const model: MachineModel = machineModels[spec.architecture];
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...machineType(spec),
    ...['-accel', 'tcg,thread=multi', '-cpu', model.processor],
    ...['-smp', String(spec.cpus), '-m', String(spec.memoryMiB)],
    ...blockDevice('firmware-code', 'raw', firmwareCode(spec), true),
    ...blockDevice('firmware-variables', 'raw', spec.variablesPath, false),
    ...disk(spec),
    ...diskBusArguments[spec.diskBus],
    ...(spec.seedPath === undefined
      ? []
      : [...blockDevice('seed', 'raw', spec.seedPath, true), '-device', 'virtio-blk-pci,drive=seed']),
    ...(spec.mediumPath === undefined ? [] : medium(spec.mediumPath)),
    ...[
      '-netdev',
      [`user,id=net${spec.isIsolated === true ? ',restrict=on' : ''}`, ...spec.guestPorts.map(forward)].join(
        ',',
      ),
    ],
    // No option ROM: the firmware would offer to boot from the network.
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ...(spec.cable === undefined ? [] : cable(spec.cable)),
    ...['-device', 'virtio-rng-pci'],
    ...(model.watchdog === undefined ? [] : ['-device', model.watchdog, '-action', 'watchdog=reset']),
    ...['-chardev', serialChannel(spec), '-serial', 'chardev:serial'],
    ...(spec.hasTerminal ? ['-mon', 'chardev=serial'] : []),
    ...(spec.savedStatePath === undefined ? [] : ['-incoming', `file:${spec.savedStatePath}`]),
    ...[
      '-chardev',
      `socket,id=control,path=${escapeCommas(spec.qmpSocketPath)}`,
      '-mon',
      'chardev=control,mode=control',
    ],
  ];
}

/** What a stick on USB is to the system: a SCSI disk that can be taken out. Debian's cloud kernel knows no USB. */
function medium(path: string): string[] {
  return [
    ...blockDevice('medium', 'raw', path, true),
    ...['-device', 'virtio-scsi-pci,id=media'],
    ...['-device', 'scsi-hd,bus=media.0,drive=medium,removable=on'],
  ];
}

function cable({ socketPath, peerSocketPath, address }: Cable): string[] {
  const end = {
    type: 'dgram',
    id: 'cable',
    local: { type: 'unix', path: socketPath },
    remote: { type: 'unix', path: peerSocketPath },
  };
  return [
    ...['-netdev', JSON.stringify(end)],
    ...['-device', `virtio-net-pci,netdev=cable,romfile=,mac=${address}`],
  ];
}

/** With Secure Boot only the firmware itself, in system management mode, may write its variables. */
function machineType({ architecture, hasSecureBoot }: MachineSpec): string[] {
  const { board } = machineModels[architecture];
  const flash = 'pflash0=firmware-code,pflash1=firmware-variables';
  return hasSecureBoot === true
    ? ['-machine', `${board},smm=on,${flash}`, '-global', 'driver=cfi.pflash01,property=secure,value=on']
    : ['-machine', `${board},${flash}`];
}

function firmwareCode({ architecture, hasSecureBoot }: MachineSpec): string {
  const { firmware } = machineModels[architecture];
  if (hasSecureBoot !== true) return firmware.code;
  if (firmware.secureBootCode === undefined) {
    throw new Error(`there is no firmware with Secure Boot for ${architecture} here`);
  }
  return firmware.secureBootCode;
}

/** Port 0: the kernel picks a free one, and `info usernet` tells which; so no two machines race for a port. */
function forward(guestPort: number): string {
  return `hostfwd=tcp:127.0.0.1:0-:${guestPort}`;
}

function disk({ diskFormat, diskPath, writeLogPath }: MachineSpec): string[] {
  if (writeLogPath === undefined) return blockDevice('disk', diskFormat, diskPath, false);
  const node = {
    'node-name': 'disk',
    driver: 'blklogwrites',
    discard: 'unmap',
    file: blockNode(diskFormat, diskPath, false),
    log: { driver: 'file', filename: writeLogPath },
    'log-super-update-interval': 1,
  };
  return ['-blockdev', JSON.stringify(node)];
}

/** The JSON form takes any path, also one with commas. */
function blockDevice(name: string, format: string, path: string, isReadOnly: boolean): string[] {
  return ['-blockdev', JSON.stringify({ 'node-name': name, ...blockNode(format, path, isReadOnly) })];
}

function blockNode(format: string, path: string, isReadOnly: boolean) {
  const common = { 'read-only': isReadOnly, ...(isReadOnly ? {} : { discard: 'unmap' }) };
  const file = { driver: 'file', filename: path, ...common };
  return { driver: format, ...common, file };
}

function serialChannel(spec: MachineSpec): string {
  const log = escapeCommas(spec.serialLogPath);
  return spec.hasTerminal ? `stdio,id=serial,mux=on,signal=off,logfile=${log}` : `file,id=serial,path=${log}`;
}

function escapeCommas(path: string): string {
  return path.replaceAll(',', ',,');
}
