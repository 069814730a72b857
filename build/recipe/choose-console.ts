import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import type { LoadedService } from '../services/load-service.ts';
import type { Placed } from './merge-recipes.ts';

/**
 * The console that sessions of root land in when nobody says otherwise: what the recipe names, or the first one that starts
 * with the machine. Reports consoles of one name, and a name that no console has.
 */
export function chooseConsole(
  wish: Placed<string> | undefined,
  services: readonly LoadedService[],
  areAllKnown: boolean,
  faults: FaultList,
): string | undefined {
  const holders = new Map<string, string>();
  for (const { definition, source } of services) {
    const name = definition.console?.name;
    if (name === undefined) continue;
    const holder = holders.get(name);
    if (holder !== undefined) {
      faults.add({
        code: 'CONSOLE_DUPLICATE',
        message: `Cannot have two consoles "${name}": "${holder}" and "${definition.name}" are called so`,
        place: source.place(['console', 'name']),
        hint: 'give one of them another name',
      });
    }
    holders.set(name, definition.name);
  }
  if (wish === undefined) {
    return services.find(({ definition }) => definition.console?.start === 'boot')?.definition.console?.name;
  }
  if (areAllKnown && !holders.has(wish.value)) {
    faults.add({
      code: 'CONSOLE_UNKNOWN',
      message: `Cannot have sessions land in "${wish.value}": no service of the recipe is a console of that name`,
      place: wish.place,
      hint:
        holders.size === 0
          ? 'add a service that is a console, such as console, to "services"'
          : `${suggestName(wish.value, [...holders.keys()], 'consoles')}; or add the service that is it, such as console-${wish.value}`,
    });
  }
  return wish.value;
}
