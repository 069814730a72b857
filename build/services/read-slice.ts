import type { z } from 'zod';
import type { FaultList } from '../errors/fault-list.ts';
import type { RecipeTemplateContext } from '../recipe/render-template.ts';
import type { YamlSource } from '../recipe/yaml-source.ts';
import { readFileRequests } from './read-file-requests.ts';
import type { Account, PackageRequest, Slice } from './service-definition.ts';
import type { accountSchema, FileEntry, PackageEntry } from './slice-schema.ts';

interface SliceFile {
  readonly packages: readonly PackageEntry[];
  readonly files: readonly FileEntry[];
  readonly accounts: readonly z.output<typeof accountSchema>[];
}

/** What services and layers have in common. */
export async function readSlice(
  file: SliceFile,
  source: YamlSource,
  context: RecipeTemplateContext,
  faults: FaultList,
): Promise<Slice & { readonly accounts: readonly Account[] }> {
  return {
    packages: file.packages.map(toPackageRequest),
    files: await readFileRequests(file.files, source, context, faults),
    accounts: file.accounts.map(({ name, uid, gid = uid, home, shell }) => ({ name, uid, gid, home, shell })),
  };
}

/** A package named alone, or with its suite. */
export function toPackageRequest(entry: PackageEntry): PackageRequest {
  if (typeof entry === 'string') return { name: entry };
  return entry.suite === undefined ? { name: entry.name } : { name: entry.name, suite: entry.suite };
}
