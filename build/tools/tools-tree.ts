import type { CommandResult, RunOptions } from '../host/build-host.ts';

/** A subset of the tools: each is a closed set of Debian packages in `build/tools/tools.lock.json`. */
export const toolsetNames = [
  'solver',
  'image',
  'machine',
  'machine-arm64',
  'update',
  'keys',
  'serve',
  'confine',
  'oci',
  'cosign',
  'oci-serve',
  'schemas',
] as const;

/**
 * - `solver`: apt, gpgv, Debian's archive keyring (locking)
 * - `image`: mkfs.erofs, veritysetup, ukify, mtools, mkfs.vfat, sfdisk, qemu-img, dpkg-deb, systemd-boot
 * - `machine`: QEMU and firmware (run, machine tests)
 * - `machine-arm64`: the same for machines of that architecture
 * - `update`: rauc, mksquashfs, openssl (update bundles)
 * - `keys`: pkcs11-tool; openssl, sbverify, SoftHSM and efitools for tests
 * - `serve`: nginx, an S3-compatible server, QuickJS (tests of what is published)
 * - `confine`: apparmor_parser (policies of services)
 * - `oci`: skopeo (services from OCI images)
 * - `cosign`: cosign (services from OCI images whose signature is demanded)
 * - `oci-serve`: a registry, umoci (tests of services from OCI images)
 * - `schemas`: published files: the default seccomp profile; the schema of config.json (tests)
 */
export type ToolsetName = (typeof toolsetNames)[number];

export interface ToolCommand {
  /** Absolute path inside the tools tree, such as `/usr/bin/mkfs.erofs`. */
  readonly file: string;
  readonly arguments: readonly string[];
  /**
   * Folders of this computer made visible inside at the same absolute path. Nothing else of the computer is
   * visible but /dev and /proc.
   */
  readonly readOnly?: readonly string[];
  readonly writable?: readonly string[];
  readonly workingFolder?: string;
  /** Added to the fixed environment (LC_ALL=C.UTF-8, TZ=UTC, SOURCE_DATE_EPOCH, PATH, HOME=/nonexistent). */
  readonly environment?: Readonly<Record<string, string>>;
  /** Only QEMU has this; everything else runs without any network. */
  readonly hasNetwork?: boolean;
}

/** An unpacked, verified set of tools that runs isolated from the computer. */
export interface ToolsTree {
  readonly name: ToolsetName;
  /** Digest of the locked package list: part of the id of every step that uses the tree. */
  readonly id: string;
  /** Absolute path of the unpacked tree on this computer. */
  readonly folder: string;
  /** Runs to the end; throws TOOL_FAILED with the last lines of its output when the exit code is not 0. */
  run(command: ToolCommand, options?: RunOptions): Promise<CommandResult>;
  /** The command line that runs it, for long-lived processes such as QEMU (exec chain: same pid, no fork). */
  commandLine(command: ToolCommand): {
    readonly file: string;
    readonly arguments: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  };
}
