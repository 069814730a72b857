export interface FoundSecret {
  readonly kind: string;
  /** Characters from the beginning of the text. */
  readonly offset: number;
}

const secretForms: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: 'a private key', pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  { kind: 'a PuTTY private key', pattern: /PuTTY-User-Key-File-\d+:/ },
  { kind: 'an age private key', pattern: /AGE-SECRET-KEY-1[0-9A-Z]{20}/ },
];

/** The first private key in a text; what is public (certificates, public keys) is not found. */
export function findPrivateKey(text: string): FoundSecret | undefined {
  for (const { kind, pattern } of secretForms) {
    const offset = text.search(pattern);
    if (offset >= 0) return { kind, offset };
  }
  return undefined;
}
