import { formatBytes } from '../errors/format-quantity.ts';
import { collectStore, listStore } from '../store/manage-store.ts';
import { type CommandContext, withSession } from './session.ts';

export interface CollectOptions {
  /** Keep what was used in the last so many days. */
  readonly days: number;
}

const dayMs = 24 * 60 * 60 * 1000;

/** `keelson store`: what lies in the store. */
export async function runStoreCommand(context: CommandContext): Promise<void> {
  const { listing, root } = await withSession(context, async ({ workshop }) => ({
    root: workshop.store.root,
    listing: await listStore(workshop.store),
  }));
  if (context.isJson) {
    context.writeOut(JSON.stringify({ type: 'store', root, kinds: listing }));
    return;
  }
  context.writeOut(root);
  for (const { kind, count, sizeBytes } of listing) {
    context.writeOut(`  ${kind.padEnd(12)} ${String(count).padStart(6)}  ${formatBytes(sizeBytes)}`);
  }
}

/** `keelson store collect`: removes what no build has used for a while; everything can be made or fetched again. */
export async function runCollectCommand(context: CommandContext, options: CollectOptions): Promise<void> {
  const collected = await withSession(context, ({ workshop }) =>
    collectStore(workshop.store, { olderThanMs: options.days * dayMs, nowMs: workshop.host.now() }),
  );
  context.writeOut(
    context.isJson
      ? JSON.stringify({ type: 'store-collected', ...collected })
      : `removed ${collected.removedCount} entries, ${formatBytes(collected.freedBytes)}`,
  );
}
