/** UTF-8 to text, which QuickJS has no TextDecoder for; bytes that are no UTF-8 become the characters of these numbers. */
export function decodeText(bytes: Uint8Array): string {
  let text = '';
  // A call cannot take endless arguments.
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return text;
  }
}
