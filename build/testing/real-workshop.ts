import type { EventSink } from '../events/build-event.ts';
import type { BuildHost } from '../host/build-host.ts';
import { createBuildHost } from '../host/node-host.ts';
import { defaultStoreRoot, openStore } from '../store/open-store.ts';
import { createToolsOpener } from '../tools/open-tools.ts';
import type { Workshop } from '../tools/workshop.ts';

/** The computer's own store and tools, as every command has them; what is missing in the store is fetched. */
export async function openRealWorkshop(
  host: BuildHost = createBuildHost(),
  emit: EventSink = () => {},
): Promise<Workshop> {
  const store = await openStore({ root: defaultStoreRoot(host), host, emit });
  return { host, store, emit, openTools: createToolsOpener({ host, store, emit }) };
}
