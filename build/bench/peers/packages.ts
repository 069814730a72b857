/**
 * What the peers install: no more than is needed to boot in a virtual machine, get an address and let a person in over SSH. Neither
 * installs what packages only recommend.
 */
export const systemPackages = [
  // PID 1, the journal, and networkd.
  'systemd',
  'systemd-sysv',
  // Loads the kernel's modules: the disk's and the network's are no part of the cloud kernel.
  'udev',
  'linux-image-cloud-amd64',
  'openssh-server',
] as const;

/** What `docker.io` only recommends, and Keelson's machine has too: the command line, authorities, policies. */
export const enginePackages = ['docker.io', 'docker-cli', 'ca-certificates', 'apparmor'] as const;

/** mmdebstrap's variant `apt`: what Debian calls essential, and apt. */
export const debianPackages = ['?essential', 'apt'] as const;

/**
 * What mkosi installs by itself: base-files into every Debian image, systemd-boot into one that boots, and the rest into its initramfs
 * (resources/mkosi-initrd of mkosi 25.3).
 */
export const mkosiPackages = [
  'base-files',
  'systemd-boot',
  'bash',
  'btrfs-progs',
  'dmsetup',
  'dosfstools',
  'e2fsprogs',
  'erofs-utils',
  'kmod',
  'less',
  'libcryptsetup12',
  'libfido2-1',
  '^libtss2-esys-[0-9.]+-0$',
  '^libtss2-mu[0-9.-]+$',
  'libtss2-rc0',
  'libtss2-tcti-device0',
  'lvm2',
  'p11-kit',
  'systemd-cryptsetup',
  'systemd-repart',
  'util-linux',
] as const;
