import type { FaultList } from '../errors/fault-list.ts';
import type { Place } from '../errors/keelson-error.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { YamlPath, YamlSource } from '../recipe/yaml-source.ts';
import type { ServiceFile } from './service-schema.ts';

const optionLists = ['packages', 'files', 'commands', 'starts'] as const;
type OptionList = (typeof optionLists)[number];

/**
 * A service with the options that recipes ask for: their lists are appended to those of the service. The places of what an option
 * brings are in the option.
 */
export function applyOptions(
  file: ServiceFile,
  source: YamlSource,
  { name, options }: { readonly name: string; readonly options: ReadonlyMap<string, Place> },
  faults: FaultList,
): { readonly file: ServiceFile; readonly source: YamlSource } {
  const lists: Record<OptionList, unknown[]> = {
    packages: [...file.packages],
    files: [...file.files],
    commands: [...file.commands],
    starts: [...file.starts],
  };
  /** Where the entry of a list was written. */
  const written = new Map<string, YamlPath>();
  for (const [wanted, place] of [...options].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const option = file.options[wanted];
    if (option === undefined) {
      faults.add({
        code: 'OPTION_UNKNOWN',
        message: `Cannot have "${name}" with "${wanted}": it has no such option`,
        place,
        hint: suggestName(wanted, Object.keys(file.options), 'options'),
      });
      continue;
    }
    for (const list of optionLists) {
      for (const [index, entry] of option[list].entries()) {
        written.set(`${list} ${lists[list].length}`, ['options', wanted, list, index]);
        lists[list].push(entry);
      }
    }
  }
  if (written.size === 0) return { file, source };
  const asWritten = (path: YamlPath): YamlPath => {
    const [list, index, ...rest] = path;
    const found = written.get(`${list} ${index}`);
    return found === undefined ? path : [...found, ...rest];
  };
  return {
    file: { ...file, ...(lists as Pick<ServiceFile, OptionList>) },
    source: {
      ...source,
      has: (path) => source.has(asWritten(path)),
      place: (path) => source.place(asWritten(path)),
      keyPlace: (path) => source.keyPlace(asWritten(path)),
    },
  };
}
