import type { ContainerRequest } from '../contract/container.ts';
import type { Place } from '../errors/keelson-error.ts';
import type { ImageRequest } from '../oci-images/image-request.ts';
import type {
  FileRequest,
  Layer,
  PackageRequest,
  ServiceDefinition,
} from '../services/service-definition.ts';

export const architectures = ['x86-64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export const outputFormatNames = ['raw', 'qcow2'] as const;
export type OutputFormatName = (typeof outputFormatNames)[number];

/** Where the kernel comes from; today a Debian package. */
export type KernelRequest = { readonly kind: 'debian'; readonly package: PackageRequest };

export interface RecipeUser {
  readonly name: string;
  /** 0 is root; the rest from 1000 upwards. */
  readonly uid: number;
  readonly sshKeys: readonly string[];
}

/** How a root file system may be packed: see build/seal/README.md. */
export const compressions = ['zstd', 'lzma'] as const;
export type Compression = (typeof compressions)[number];

export interface DiskRequest {
  /** Where these sizes were written, for faults that show only when the content is known. */
  readonly espSizePlace?: Place;
  readonly slotSizePlace?: Place;
  readonly espSizeBytes: number;
  /** `undefined`: `headRoom` times the slot image, rounded up to 16 MiB. */
  readonly slotSizeBytes: number | undefined;
  /** 1 or more. */
  readonly headRoom: number;
  /** Stays unallocated at the end of the disk, for slots that grow; `undefined`: twice the size of a slot. */
  readonly reserveBytes: number | undefined;
  /** Size in the disk image; the machine grows it up to the reserve. */
  readonly stateSizeBytes: number;
  /** What kernel image and root may take together. */
  readonly imageBudget?: { readonly sizeBytes: number; readonly place: Place };
  readonly compression: Compression;
}

interface Started {
  readonly name: string;
  /** Whether its images are part of the disk image; otherwise the machine pulls them by the digests of the lockfile. */
  readonly isPreloaded: boolean;
  /** The service that starts it. */
  readonly engine: string;
}

/** A user's container that is started at boot. */
export interface RecipeContainer extends Started {
  readonly request: Omit<ContainerRequest, 'name' | 'image' | 'imageId'>;
  readonly image: ImageRequest;
}

/** A Compose project that is started at boot. */
export interface ComposeProject extends Started {
  /** The Compose file as it is written. */
  readonly text: string;
  /** Of each of its services. */
  readonly images: readonly { readonly service: string; readonly image: ImageRequest }[];
}

/**
 * A recipe with all it extends merged in, its services and layers loaded, and every check done that needs no network.
 * Having one proves that.
 */
export interface Recipe {
  readonly name: string;
  /** Numeric `YYYY.MM.N`. */
  readonly version: string;
  readonly description: string;
  /** Folder of the recipe that was named; `recipe.lock.json` lies here. */
  readonly folder: string;
  /** As the user named it: what other commands find it by. */
  readonly argument: string;
  readonly place: Place;
  readonly architecture: Architecture;
  readonly kernel: KernelRequest;
  /** Added to the kernel command line; the builder's own come first. */
  readonly kernelArguments: readonly string[];
  /** Debian suites in order of preference, such as `trixie`, `trixie-security`. */
  readonly suites: readonly string[];
  /** Base layers of the root file system, in order. */
  readonly layers: readonly Layer[];
  /** What runs before the root is mounted, and the boot loader: lock group `initramfs`, no part of the root. */
  readonly initramfsLayer: Layer;
  /** Layers that services include, by name. */
  readonly serviceLayers: ReadonlyMap<string, Layer>;
  /** In the order in which they start. */
  readonly services: readonly ServiceDefinition[];
  /** Users' containers, in the order of the list. */
  readonly containers: readonly RecipeContainer[];
  /** Compose projects, likewise. */
  readonly projects: readonly ComposeProject[];
  /** Into the machine's root, from the recipe. */
  readonly files: readonly FileRequest[];
  readonly hostname: string;
  readonly users: readonly RecipeUser[];
  /** Where sessions of root land when nobody says otherwise; `undefined`: no service is a console. */
  readonly console: string | undefined;
  readonly disk: DiskRequest;
  readonly outputs: readonly OutputFormatName[];
}
