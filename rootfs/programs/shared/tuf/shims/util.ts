/** `@tufjs/models` compares with Node's `util.isDeepStrictEqual`; what it compares is JSON. */
export function isDeepStrictEqual(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return Object.is(one, other);
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) &&
        isDeepStrictEqual((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
    )
  );
}

// biome-ignore lint/style/noDefaultExport: @tufjs/models takes the default export.
export default { isDeepStrictEqual };
