/** JSON's grammar (RFC 8259, section 2 to 7) as patterns that match from a position on. */
const space = /[ \t\n\r]*/y;
const scalar =
  /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Deeper nesting than this is refused: it would exhaust the stack. */
const maxDepth = 100;

/**
 * Offset of the first character at which a text stops being JSON; `undefined` when it is JSON. `JSON.parse` does
 * not say where for every fault.
 */
export function findJsonFault(text: string): number | undefined {
  let position = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = position;
    if (!pattern.test(text)) return false;
    position = pattern.lastIndex;
    return true;
  };
  const take = (character: string): boolean => {
    skip(space);
    if (text[position] !== character) return false;
    position += 1;
    return true;
  };
  const isString = () => {
    skip(space);
    return text[position] === '"';
  };
  const members = (close: string, member: () => boolean): boolean => {
    if (take(close)) return true;
    do {
      if (!member()) return false;
    } while (take(','));
    return take(close);
  };
  const value = (depth: number): boolean => {
    if (depth > maxDepth) return false;
    skip(space);
    if (take('{')) return members('}', () => isString() && skip(scalar) && take(':') && value(depth + 1));
    if (take('[')) return members(']', () => value(depth + 1));
    return skip(scalar);
  };
  if (!value(0)) return position;
  skip(space);
  return position < text.length ? position : undefined;
}
