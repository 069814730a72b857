/** `64MiB`, `512KiB`, `2GiB`: whole numbers in binary units. */
export const sizePattern = /^[1-9][0-9]{0,8}(?:KiB|MiB|GiB|TiB)$/;

const unitBytes: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** Bytes of a text that `sizePattern` accepts. */
export function parseSize(text: string): number {
  return Number.parseInt(text, 10) * (unitBytes[text.slice(-3)] ?? 1);
}
