/**
 * Paths, labels and names that the builder and the machine agree on. Pure data: read by both halves.
 * Everything below `/run/keelson` is made anew at each boot; everything below `state` outlives updates.
 */
export const machineLayout = {
  /** Read-only: OCI bundles, `<name>/config.json` and `<name>/rootfs`. */
  services: '/usr/lib/keelson/services',
  /** Links to programs of services' roots, for sessions. */
  commands: '/usr/lib/keelson/bin',
  /** Device programs as single JavaScript files for QuickJS. */
  programs: '/usr/lib/keelson/programs',
  /** `engine.json`: what the builder decided about each service, for keelctl. */
  engineFile: '/usr/lib/keelson/engine.json',
  /** Where the state partition is mounted (or a tmpfs when there is none that works). */
  state: '/var/lib/keelson',
  /** A service's writable paths on state: `<services>/<name>/<path with slashes as dashes>`. */
  serviceState: '/var/lib/keelson/services',
  runtime: '/run/keelson',
  /** Generated /etc files (passwd, group, shadow, hostname, hosts, resolv.conf), targets of links in /etc. */
  runtimeEtc: '/run/keelson/etc',
  /** `<user>`: one public key per line, from recipe and user-data. */
  authorizedKeys: '/run/keelson/authorized-keys',
  /** Facts about this boot (slot, root hash, disk), written by the initramfs. */
  bootFile: '/run/keelson/boot.json',
  /** What state setup found and did. */
  stateFile: '/run/keelson/state.json',
  /** What provisioning found and did, with every fault. */
  provisionFile: '/run/keelson/provision.json',
  /**
   * `chosen` names the console that sessions of root land in. `<name>`, once it is ready: process, control group and shell, then
   * `fixed` or `changeable` (by its users, so that it may be broken). `<name>.says`: what it is at; `<name>.fault`: why it is not ready.
   */
  consoles: '/run/keelson/consoles',
  /** `<service>`: its console was chosen; finit's condition for those that do not start with the machine. */
  chosenConsoles: '/dev/console-chosen',
  /** What a person chose by `keelctl console switch`. */
  consoleChoice: '/var/lib/keelson/console.json',
  logs: '/var/lib/keelson/log',
  /** Named pipes, two for each service, when a service mounts this folder: it collects what they say. */
  outputPipes: '/run/keelson/pipes',
  /** Whom this machine trusts for updates: `update.pem`, `channel-root.json`. From the keys, or from the recipe's files. */
  trust: '/usr/lib/keelson/trust',
  /**
   * The EFI system partition's files but for the kernel images, below the paths that they have there: what it is mended with,
   * and how the boot loader is updated.
   */
  bootFiles: '/usr/lib/keelson/boot-files',
  osRelease: '/usr/lib/os-release',
} as const;

/** GPT partition names; types are in `partitionTypes`. */
export const partitionLabels = { esp: 'esp', slotA: 'root-a', slotB: 'root-b', state: 'state' } as const;

/** Discoverable Partitions Specification, https://uapi-group.org/specifications/specs/discoverable_partitions_specification/ */
export const partitionTypes = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  root: { 'x86-64': '4f68bce3-e8cd-4db1-96e7-fbcaf984b709', arm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae' },
  /** Generic Linux data: `var` of the specification would demand a GUID derived from the machine id. */
  state: '0fc63daf-8483-4772-8e79-3d69d8477de4',
} as const;

/** File names on the ESP; short, so that the folder's entries fit one 512-byte sector (lint in `build/boot`). */
export const espLayout = {
  bootLoader: { 'x86-64': 'EFI/BOOT/BOOTX64.EFI', arm64: 'EFI/BOOT/BOOTAA64.EFI' },
  loaderConf: 'loader/loader.conf',
  kernelFolder: 'EFI/Linux',
  /** `a.efi` once good; `a+LEFT-DONE.efi` while counted. */
  kernel: { a: 'EFI/Linux/a.efi', b: 'EFI/Linux/b.efi' },
  addon: { a: 'EFI/Linux/a.efi.extra.d/slot.addon.efi', b: 'EFI/Linux/b.efi.extra.d/slot.addon.efi' },
} as const;
