import { getCACertificates } from 'node:tls';

/** Certificates, PEM, that Node's own connections trust; those of NODE_EXTRA_CA_CERTS are among them. */
export function trustedAuthorities(): readonly string[] {
  return getCACertificates('default');
}
