import { resolve } from 'node:path';
import { formatBytes } from '../errors/format-quantity.ts';
import { verifyBundle } from '../update/verify-bundle.ts';
import { type CommandContext, withSession } from './session.ts';

export interface VerifyCommandOptions {
  readonly keyring: string;
  readonly crl?: string;
  readonly compatible?: string;
}

/** `keelson verify BUNDLE --keyring FILE`: whether a machine that trusts the keyring would take and start it. */
export async function runVerifyCommand(
  context: CommandContext,
  bundle: string,
  options: VerifyCommandOptions,
): Promise<void> {
  const path = resolve(context.workingFolder, bundle);
  const { manifest, trailer, chain, parts } = await withSession(context, ({ workshop }) =>
    verifyBundle(workshop, path, {
      keyring: resolve(context.workingFolder, options.keyring),
      ...(options.crl === undefined ? {} : { crl: resolve(context.workingFolder, options.crl) }),
      ...(options.compatible === undefined ? {} : { compatible: options.compatible }),
    }),
  );
  const { compatible, version, sequence, channel, image } = manifest;
  if (context.isJson) {
    const facts = {
      path,
      compatible,
      version,
      sequence,
      channel,
      image,
      rootHash: trailer.rootHash,
      signers: chain,
    };
    context.writeOut(JSON.stringify({ type: 'verified', ...facts }));
    return;
  }
  context.writeOut(`${path}: good, ${formatBytes(parts.sizeBytes)}`);
  context.writeOut(`  ${compatible} ${version}, root hash ${trailer.rootHash}`);
  context.writeOut(`  signed by ${chain[0]?.subject}, valid until ${chain[0]?.validUntil.slice(0, 10)}`);
}
