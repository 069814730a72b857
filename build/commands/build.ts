import { resolve } from 'node:path';
import { formatBytes } from '../errors/format-quantity.ts';
import type { BuildEvent } from '../events/build-event.ts';
import { openOutputFolder } from '../formats/output-folder.ts';
import { readLockfile } from '../lock/lockfile-io.ts';
import { buildImage } from '../pipeline/build-image.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { openRecipe } from './open-recipe.ts';
import { openSecureBoot, openSigning, openTrust, type SigningOptions } from './open-signing.ts';
import { type ProfileOptions, withProfile } from './profile.ts';
import { type CommandContext, type Session, withSession } from './session.ts';

export interface BuildOptions extends SigningOptions, ProfileOptions {
  /** Folder for the artefacts; `out/<recipe>` in the working folder when left out. */
  readonly out?: string;
  /** Sign what boots, and enrol the keys on machines in setup mode. */
  readonly secureBoot?: boolean;
}

export type BuildReport = Extract<BuildEvent, { type: 'build-finished' }>;

/** `keelson build RECIPE`: the artefacts in a folder, and a report of what was made. */
export async function runBuildCommand(
  context: CommandContext,
  recipeName: string,
  options: BuildOptions,
): Promise<BuildReport> {
  const report = await withProfile(context, `build ${recipeName}`, options, async (context) => {
    const recipe = await openRecipe(context, recipeName);
    return withSession(context, async (session) => {
      const built = await buildRecipe(context, session, recipe, options);
      session.workshop.emit(built);
      return built;
    });
  });
  if (!context.isJson) for (const line of describeBuild(report)) context.writeOut(line);
  return report;
}

/** Builds one recipe in an open session. */
export async function buildRecipe(
  context: CommandContext,
  session: Session,
  recipe: Recipe,
  options: BuildOptions,
): Promise<BuildReport> {
  const { workshop, steps } = session;
  const startedAt = workshop.host.now();
  const lockfile = await readLockfile(recipe);
  const outputFolder = resolve(context.workingFolder, options.out ?? `out/${recipe.name}`);
  await openOutputFolder(outputFolder);
  // A release belongs to its owner's keys, also when nothing of it is signed here.
  if (options.release === true) await openSigning(context, workshop, options);
  const secureBoot =
    options.secureBoot === true ? await openSecureBoot(context, workshop, options) : undefined;
  const trust = await openTrust(recipe, () => openSigning(context, workshop, options));
  const built = await buildImage(workshop, steps, recipe, lockfile, outputFolder, {
    ...(trust === undefined ? {} : { trust }),
    ...(secureBoot === undefined ? {} : { secureBoot }),
  });
  const counts = steps.counts();
  return {
    type: 'build-finished',
    recipe: recipe.name,
    version: recipe.version,
    rootHash: built.rootHash,
    seconds: (workshop.host.now() - startedAt) / 1000,
    cachedSteps: counts.cached,
    ranSteps: counts.ran,
    artefacts: built.artefacts,
  };
}

function describeBuild(report: BuildReport): string[] {
  const rows = report.artefacts.map(
    (artefact) =>
      `  ${artefact.part.padEnd(5)} ${formatBytes(artefact.sizeBytes).padStart(10)}  ${artefact.path}`,
  );
  const steps = `${report.ranSteps} steps ran, ${report.cachedSteps} cached`;
  return [
    `${report.recipe} ${report.version} in ${report.seconds.toFixed(1)} s (${steps})`,
    ...rows,
    `  root hash ${report.rootHash}`,
  ];
}
