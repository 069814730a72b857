import { KeelsonError } from '../errors/keelson-error.ts';

export interface Pkcs11Uri {
  readonly token?: string;
  readonly serial?: string;
  /** Id of the key, hexadecimal. Labels are not enough: pkcs11-tool signs with the first key, whatever `--label` says. */
  readonly id: string;
  /** The token's library. */
  readonly modulePath: string;
}

/** Reads a PKCS #11 URI, RFC 7512; it must name the library and the key, and no PIN. */
export function parsePkcs11Uri(uri: string): Pkcs11Uri {
  const [path = '', query = ''] = uri.replace(/^pkcs11:/, '').split('?');
  const attributes = new Map(
    [...path.split(';'), ...query.split('&')].flatMap((part) => {
      const [name = '', value] = part.split(/=(.*)/s);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const text = (name: string) => {
    const value = attributes.get(name);
    return value === undefined ? undefined : decode(uri, value).toString('utf8');
  };
  if (attributes.has('pin-value') || attributes.has('pin-source')) {
    throw invalid(
      uri.replace(/(pin-(?:value|source)=)[^&;]*/g, '$1…'),
      'it holds a PIN',
      'Leave the PIN out: it is asked for, or comes with --pin-env NAME.',
    );
  }
  const modulePath = text('module-path');
  const id = attributes.get('id');
  if (modulePath === undefined || !modulePath.startsWith('/')) {
    throw invalid(uri, "it does not name the token's library", 'Add ?module-path=/path/of/the/library.so.');
  }
  if (id === undefined) {
    throw invalid(
      uri,
      'it does not name a key by its id',
      'Add id=%01; `pkcs11-tool --list-objects` shows ids.',
    );
  }
  const token = text('token');
  const serial = text('serial');
  return {
    modulePath,
    ...(token === undefined ? {} : { token }),
    ...(serial === undefined ? {} : { serial }),
    id: decode(uri, id).toString('hex'),
  };
}

function decode(uri: string, text: string): Buffer {
  const parts = text.match(/%[0-9A-Fa-f]{2}|[^%]/g) ?? [];
  if (parts.join('') !== text) throw invalid(uri, 'a % in it begins no byte', 'Write bytes as %01.');
  return Buffer.concat(
    parts.map((part) => (part.length === 3 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
  );
}

function invalid(uri: string, why: string, hint: string): KeelsonError {
  return new KeelsonError({
    code: 'PKCS11_URI_INVALID',
    class: 'input',
    message: `Cannot use ${uri}: ${why}`,
    hint,
  });
}
