/** `linux.resources.devices` of the OCI specification. */
export interface OciDeviceRule {
  readonly allow: boolean;
  readonly type?: 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

/**
 * What a service may open, by number. Numbers of many devices are not known when the image is made: then only that a node must
 * have been asked for holds, as no other is in the container and making one takes CAP_MKNOD. crun adds null, zero, random and
 * the like by itself.
 */
export function makeDeviceRules(devices: readonly string[] | 'all'): readonly OciDeviceRule[] {
  if (devices === 'all') return [{ allow: true, access: 'rwm' }];
  const rules = devices.map(findRule);
  const isKnown = rules.every((rule) => rule !== undefined);
  return [{ allow: false, access: 'rwm' }, ...(isKnown ? rules : [{ allow: true, access: 'rw' }])];
}

/** Linux' table of fixed numbers (Documentation/admin-guide/devices.txt), as far as services may want them. */
const fixedNumbers: readonly {
  readonly pattern: RegExp;
  readonly type: 'b' | 'c';
  readonly major: number;
  /** Of the first; those with a number count from there. */
  readonly minor: number;
  /** How many there are before the numbers go on elsewhere, or are another device's. */
  readonly count?: number;
}[] = [
  { pattern: /^kmsg$/, type: 'c', major: 1, minor: 11 },
  { pattern: /^tty([0-9]+)$/, type: 'c', major: 4, minor: 0, count: 64 },
  { pattern: /^ttyS([0-9]+)$/, type: 'c', major: 4, minor: 64, count: 192 },
  { pattern: /^console$/, type: 'c', major: 5, minor: 1 },
  { pattern: /^loop([0-9]+)$/, type: 'b', major: 7, minor: 0 },
  { pattern: /^watchdog$/, type: 'c', major: 10, minor: 130 },
  { pattern: /^hwrng$/, type: 'c', major: 10, minor: 183 },
  { pattern: /^net\/tun$/, type: 'c', major: 10, minor: 200 },
  { pattern: /^fuse$/, type: 'c', major: 10, minor: 229 },
  { pattern: /^kvm$/, type: 'c', major: 10, minor: 232 },
  { pattern: /^loop-control$/, type: 'c', major: 10, minor: 237 },
  { pattern: /^vhost-net$/, type: 'c', major: 10, minor: 238 },
  { pattern: /^input\/event([0-9]+)$/, type: 'c', major: 13, minor: 64, count: 32 },
  { pattern: /^i2c-([0-9]+)$/, type: 'c', major: 89, minor: 0 },
  { pattern: /^ttyACM([0-9]+)$/, type: 'c', major: 166, minor: 0 },
  { pattern: /^ttyUSB([0-9]+)$/, type: 'c', major: 188, minor: 0 },
  { pattern: /^ttyAMA([0-9]+)$/, type: 'c', major: 204, minor: 64, count: 16 },
  { pattern: /^dri\/card([0-9]+)$/, type: 'c', major: 226, minor: 0, count: 64 },
  { pattern: /^dri\/renderD([0-9]+)$/, type: 'c', major: 226, minor: 0, count: 192 },
];

function findRule(path: string): OciDeviceRule | undefined {
  const name = path.slice('/dev/'.length);
  for (const { pattern, type, major, minor, count = Number.POSITIVE_INFINITY } of fixedNumbers) {
    const match = pattern.exec(name);
    const number = Number(match?.[1] ?? 0);
    if (match !== null && number < count)
      return { allow: true, type, major, minor: minor + number, access: 'rw' };
  }
  return undefined;
}
