import { releaseVersionPattern, sequenceOf } from '../contract/release-version.ts';
import { updateBundleNames } from '../contract/update-bundle.ts';
import { bundleInvalid } from './bundle-errors.ts';
import type { BundleManifest } from './update-bundle.ts';

const { imageClass, imageFile, adaptiveMethod, metaGroup } = updateBundleNames;

/** Shape of names in a bundle, so that none can end its line. */
const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const digestPattern = /^[0-9a-f]{64}$/;

/** RAUC's manifest, https://rauc.readthedocs.io/en/v1.13/reference.html#manifest, groups and keys in RAUC's own order. */
export function writeBundleManifest(manifest: BundleManifest): string {
  const { verity, image } = manifest;
  const groups: [string, [string, string | number][]][] = [
    [
      'update',
      [
        ['compatible', manifest.compatible],
        ['version', manifest.version],
      ],
    ],
    [
      'bundle',
      [
        ['format', 'verity'],
        ...(verity === undefined
          ? []
          : ([
              ['verity-hash', verity.rootHash],
              ['verity-salt', verity.salt],
              ['verity-size', verity.treeSizeBytes],
            ] satisfies [string, string | number][])),
      ],
    ],
    [
      `image.${imageClass}`,
      [
        ['sha256', image.sha256],
        ['size', image.sizeBytes],
        ['filename', imageFile],
        ['adaptive', `${adaptiveMethod};`],
      ],
    ],
    [
      `meta.${metaGroup}`,
      [
        ['version', manifest.version],
        ['sequence', manifest.sequence],
        ['channel', manifest.channel],
      ],
    ],
  ];
  const text = groups
    .map(([group, keys]) => `[${group}]\n${keys.map(([key, value]) => `${key}=${value}\n`).join('')}`)
    .join('\n');
  // What a reader would refuse is not written in the first place.
  parseBundleManifest(text);
  return text;
}

/** Reads back what `writeBundleManifest` wrote; BUNDLE_INVALID for anything that no machine of ours should be given. */
export function parseBundleManifest(text: string, path = 'the manifest'): BundleManifest {
  const values = readKeyFile(text, path);
  const take = (group: string, key: string, pattern: RegExp): string => {
    const value = values.get(`${group}/${key}`);
    if (value === undefined) throw bundleInvalid(path, `its manifest has no ${key} in [${group}]`);
    if (!pattern.test(value))
      throw bundleInvalid(path, `its manifest has a strange ${key} in [${group}]: "${value.slice(0, 80)}"`);
    values.delete(`${group}/${key}`);
    return value;
  };
  const takeNumber = (group: string, key: string): number =>
    Number(take(group, key, /^(?:0|[1-9][0-9]{0,15})$/));

  const compatible = take('update', 'compatible', namePattern);
  const version = take('update', 'version', releaseVersionPattern);
  take('bundle', 'format', /^verity$/);
  const verity = values.has('bundle/verity-hash')
    ? {
        rootHash: take('bundle', 'verity-hash', digestPattern),
        salt: take('bundle', 'verity-salt', digestPattern),
        treeSizeBytes: takeNumber('bundle', 'verity-size'),
      }
    : undefined;
  const image = {
    sha256: take(`image.${imageClass}`, 'sha256', digestPattern),
    sizeBytes: takeNumber(`image.${imageClass}`, 'size'),
  };
  take(`image.${imageClass}`, 'filename', new RegExp(`^${imageFile.replace('.', '\\.')}$`));
  take(`image.${imageClass}`, 'adaptive', new RegExp(`^${adaptiveMethod};?$`));
  take(`meta.${metaGroup}`, 'version', releaseVersionPattern);
  const sequence = takeNumber(`meta.${metaGroup}`, 'sequence');
  const channel = take(`meta.${metaGroup}`, 'channel', namePattern);

  // A hook or a second image would do things that nobody here has looked at.
  const [unknown] = values.keys();
  if (unknown !== undefined)
    throw bundleInvalid(path, `its manifest has "${unknown}", which Keelson never writes`);
  if (sequence !== sequenceOf(version))
    throw bundleInvalid(path, `its sequence ${sequence} is not that of version ${version}`);
  return { compatible, version, sequence, channel, image, ...(verity === undefined ? {} : { verity }) };
}

/** GLib's key files, https://docs.gtk.org/glib/struct.KeyFile.html: `group/key` → value, without escapes. */
function readKeyFile(text: string, path: string): Map<string, string> {
  const values = new Map<string, string>();
  let group = '';
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, header] = /^\[([^\]]+)\]$/.exec(line) ?? [];
    if (header !== undefined) {
      group = header;
      continue;
    }
    const [, key, value = ''] = /^([^=\s]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || group === '')
      throw bundleInvalid(path, `its manifest has a line that is none: "${line.slice(0, 80)}"`);
    if (values.has(`${group}/${key}`))
      throw bundleInvalid(path, `its manifest says ${key} twice in [${group}]`);
    values.set(`${group}/${key}`, value);
  }
  return values;
}
