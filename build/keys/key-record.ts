import { z } from 'zod';
import { efiVariableNames } from './efi-variable-names.ts';
import { keyAlgorithmNames } from './key-algorithm.ts';
import { keyRoles } from './key-role.ts';

const fileName = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'a plain file name');

/** Where a private key lies. Never the key, and never what opens it. */
const keyPlace = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('file'),
    file: fileName,
    isEncrypted: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('pkcs11'),
    /** RFC 7512, with `module-path`; never with `pin-value`. */
    uri: z.string().startsWith('pkcs11:'),
    /** Variables that the token's library needs (names and values; nothing secret). */
    environment: z.record(z.string(), z.string()).optional(),
    /** Folders that the token's library writes to. */
    folders: z.array(z.string().startsWith('/')).optional(),
  }),
  z.strictObject({
    kind: z.literal('command'),
    /** Program and arguments; reads the message, prints the signature in base64. */
    command: z.array(z.string()).min(1),
    /** Names of variables that it is given beside PATH and HOME. */
    variables: z.array(z.string()).optional(),
  }),
]);

const keyRecord = z.strictObject({
  /** `<role>-<number>`, never used twice. */
  id: fileName,
  role: z.enum(keyRoles),
  /**
   * - `current`: signs
   * - `next`: already trusted by new images, does not sign yet
   * - `retired`: signs no more; a retired root is not in new images, a retired certificate ends by itself
   * - `revoked`: and machines are told to refuse it
   */
  state: z.enum(['current', 'next', 'retired', 'revoked']),
  algorithm: z.enum(keyAlgorithmNames),
  keyId: z.string().regex(/^[0-9a-f]{64}$/),
  publicKeyPem: z.string(),
  place: keyPlace,
  certificate: z.strictObject({ pem: z.string(), issuer: fileName }).optional(),
  created: z.iso.datetime(),
  revoked: z
    .strictObject({
      at: z.iso.datetime(),
      reason: z.enum(['compromised', 'superseded', 'no-longer-used']),
    })
    .optional(),
});

export const keysFile = z.strictObject({
  format: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  isDevelopment: z.boolean(),
  created: z.iso.datetime(),
  keys: z.array(keyRecord),
  /** The newest revocation list of each authority, by the id of its key. */
  revocationLists: z.record(
    fileName,
    z.strictObject({ number: z.number().int().positive(), pem: z.string() }),
  ),
  /** Variables of Secure Boot, signed: what is enrolled on machines. */
  enrolment: z.partialRecord(
    z.enum(efiVariableNames),
    z.strictObject({ contentSha256: z.string(), signerKeyId: z.string(), auth: z.base64() }),
  ),
});

export type KeyPlace = z.infer<typeof keyPlace>;
export type KeyRecord = z.infer<typeof keyRecord>;
export type KeysFile = z.infer<typeof keysFile>;
export type KeyState = KeyRecord['state'];
