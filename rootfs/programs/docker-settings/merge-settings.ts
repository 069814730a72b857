type Settings = { readonly [key: string]: unknown };

/**
 * `daemon.json` (dockerd(8)) of the image with the owner's over it. A setting that is a table, such as `runtimes`, has the entries of
 * both: the image's own runtime must stay. Throws when the owner's is no JSON object.
 */
export function mergeSettings(image: string, owner: string): string {
  const base = JSON.parse(image) as Settings;
  const changes = readSettings(owner);
  const merged = Object.entries(changes).map(([key, value]) => {
    const usual = base[key];
    return [key, isTable(usual) && isTable(value) ? { ...usual, ...value } : value];
  });
  return JSON.stringify({ ...base, ...Object.fromEntries(merged) }, null, 2);
}

function readSettings(text: string): Settings {
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot read the settings of user-data: ${(error as Error).message}`);
  }
  if (!isTable(settings)) throw new Error('Cannot read the settings of user-data: they are no JSON object');
  return settings;
}

function isTable(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
