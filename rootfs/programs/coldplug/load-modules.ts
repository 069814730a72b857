import type { Device } from '../device.ts';

const listFolder = '/etc/modules-load.d';

/**
 * Loads the modules that this machine's devices ask for, and those that no device asks for but the lists in
 * /etc/modules-load.d name. Twice, because a bus driver brings devices of its own. Unknown devices are none of our business:
 * modprobe is quiet about them.
 */
export function loadModules(device: Device): void {
  const asked = new Set<string>();
  for (const names of [listedModules(device), [], []]) {
    const wanted = [...names, ...deviceAliases(device)].filter((name) => !asked.has(name));
    for (const name of wanted) {
      asked.add(name);
    }
    if (wanted.length > 0) {
      device.run(['modprobe', '-a', '-q', ...wanted]);
    }
  }
}

/** Sorted; one look at each bus instead of a walk through all of /sys, which is slow. */
function deviceAliases(device: Device): readonly string[] {
  const aliases = new Set<string>();
  // Input devices (the power button) and the processor are on no bus.
  const parents = [...device.list('/sys/bus').map((bus) => `/sys/bus/${bus}/devices`), '/sys/class/input'];
  const folders = parents.flatMap((parent) => device.list(parent).map((name) => `${parent}/${name}`));
  for (const folder of [...folders, '/sys/devices/system/cpu']) {
    const alias = device.readFile(`${folder}/modalias`)?.trim();
    if (alias !== undefined && alias !== '') {
      aliases.add(alias);
    }
  }
  return [...aliases].sort();
}

/** modules-load.d(5): a name a line, comments begin with `#` or `;`. */
function listedModules(device: Device): readonly string[] {
  return device
    .list(listFolder)
    .filter((name) => name.endsWith('.conf'))
    .flatMap((name) => (device.readFile(`${listFolder}/${name}`) ?? '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line));
}
