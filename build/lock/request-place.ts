import { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { readYamlSource } from '../recipe/yaml-source.ts';
import type { PackageRequest } from '../services/service-definition.ts';

/** A request, and where it is written down: entry `index` of `packages` in a service's or layer's YAML file. */
export interface DeclaredRequest extends PackageRequest {
  readonly declared?: { readonly file: string; readonly index: number };
}

/** The place of a request; looked up only when there is a fault to tell. */
export async function placeOfRequest({ declared }: DeclaredRequest): Promise<Place | undefined> {
  if (declared === undefined) return undefined;
  // The file was read without a fault when the recipe was loaded; if it has gone since, its name must do.
  const source = await readYamlSource(declared.file, new FaultList()).catch(() => undefined);
  return source?.place(['packages', declared.index]) ?? { file: declared.file };
}
