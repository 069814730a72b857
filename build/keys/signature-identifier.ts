import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { arrayBuffer } from './array-buffer.ts';
import { derNull } from './der.ts';
import { type KeyAlgorithm, keyAlgorithms } from './key-algorithm.ts';

/** How certificates and signatures name an algorithm. */
export function signatureIdentifier(algorithm: KeyAlgorithm): AlgorithmIdentifier {
  const { signatureOid, hasNullParameters } = keyAlgorithms[algorithm];
  return new AlgorithmIdentifier({
    algorithm: signatureOid,
    ...(hasNullParameters ? { parameters: arrayBuffer(derNull) } : {}),
  });
}
