const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const values = new Map([...alphabet].map((character, value) => [character, value]));

/** RFC 4648, 4; white space is passed over. `undefined` when it is not base64. QuickJS has no `atob`. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const characters = text.replace(/\s+/g, '');
  const length = characters.replace(/={1,2}$/, '').length;
  if (length % 4 === 1 || (characters.length !== length && characters.length % 4 !== 0)) {
    return undefined;
  }
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let position = 0;
  for (let index = 0; index < length; index++) {
    const value = values.get(characters[index] ?? '');
    if (value === undefined) {
      return undefined;
    }
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[position++] = (bits >> bitCount) & 0xff;
    }
  }
  return bytes;
}
