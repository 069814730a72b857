import type { KeyObject } from 'node:crypto';
import type { EventSink } from '../events/build-event.ts';
import type { BuildHost } from '../host/build-host.ts';
import type { ToolsetName, ToolsTree } from '../tools/tools-tree.ts';
import type { AskSecret } from './secrets.ts';

/** What signing needs of the computer. A `Workshop` has the first three. */
export interface KeyWorkshop {
  readonly host: BuildHost;
  readonly emit: EventSink;
  /** Called only for keys in a token. */
  openTools(name: ToolsetName): Promise<ToolsTree>;
}

export interface KeyOwner {
  readonly workshop: KeyWorkshop;
  /** The key folder. */
  readonly folder: string;
  readonly askSecret: AskSecret;
  /** Keys that were read or made, by file name, so that a passphrase is worked on once. Never leaves the process. */
  readonly openedKeys: Map<string, Promise<KeyObject>>;
}

export type RawSign = (bytes: Uint8Array) => Promise<Uint8Array>;
