import type { Workshop } from '../../tools/workshop.ts';
import type { LocalArchive } from '../peers/local-archive.ts';

/** What a machine is for. Only images for the same job are compared. */
export const jobs = {
  system: 'a system that lets a person in over SSH',
  engine: 'the same, with Docker',
} as const;

export type Job = keyof typeof jobs;

/** A disk image that was built. */
export interface BuiltDisk {
  /** Raw, with a GPT, for UEFI firmware. */
  readonly path: string;
  /** Debian packages that files in the image are from; counted apart, for no build needs to know. */
  countPackages(): Promise<number>;
  /** Of the steps that this build ran, the one that took longest, where the builder tells. */
  readonly longestStep?: { readonly title: string; readonly seconds: number };
}

/** One way to an image. */
export interface Contender {
  /** As `--only` names it. */
  readonly name: string;
  readonly job: Job;
  readonly isKeelson: boolean;
  /** Fetches what a build needs, so that no build that is timed waits for a network. */
  prepare(): Promise<void>;
  /** As if nothing had been built before: the next build does all its work, from local packages. */
  forget(): Promise<void>;
  /** Another text in one file of the image; the next build is of that. */
  changeOneFile(round: number): Promise<void>;
  build(): Promise<BuiltDisk>;
}

/** What all contenders are made with. */
export interface Surroundings {
  readonly workshop: Workshop;
  /** Everything that the benchmark leaves behind; each contender has a folder of its own in it. */
  readonly folder: string;
  /** One line as in `authorized_keys`: root lets its holder in. */
  readonly publicKey: string;
  openArchive(): Promise<LocalArchive>;
}
