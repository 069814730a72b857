import type { EventSink } from '../events/build-event.ts';
import type { BuildHost } from '../host/build-host.ts';
import type { Store } from '../store/store.ts';
import type { ToolsetName, ToolsTree } from './tools-tree.ts';

/** What every stage works with: the computer, the store, the tools, and someone to tell. Nothing in it changes as the build goes. */
export interface Workshop {
  readonly host: BuildHost;
  readonly store: Store;
  readonly emit: EventSink;
  /** Fetched, verified and unpacked on first use. */
  openTools(name: ToolsetName): Promise<ToolsTree>;
}
